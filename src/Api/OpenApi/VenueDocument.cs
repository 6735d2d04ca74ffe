using System.Text.Json.Nodes;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Problems;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace CrossMargin.Api.OpenApi;

/// <summary>
/// The OpenAPI document: what the framework finds in the routes, and what it cannot see because bodies, keys and signatures are read by
/// our own code.
/// </summary>
internal static class VenueDocument
{
    public const string Name = "v1";

    private const string BearerScheme = "bearer";
    private const string SignatureScheme = "signature";

    public static void AddVenueDocument(this IServiceCollection services) => services.AddOpenApi(Name, options =>
    {
        options.OpenApiVersion = OpenApiSpecVersion.OpenApi3_1;
        options.AddDocumentTransformer(Describe);
        options.AddOperationTransformer(Complete);
        options.AddSchemaTransformer((schema, _, _) =>
        {
            // A default in the code's shapes is an example on the wire: no field of ours has a default.
            if (schema.Default is { } example)
            {
                schema.Examples = [example.DeepClone()];
                schema.Default = null;
            }

            return Task.CompletedTask;
        });
    });

    /// <summary>Marks a route that needs an Idempotency-Key.</summary>
    public static RouteHandlerBuilder TakesKey(this RouteHandlerBuilder route) => route.WithMetadata(new KeyNeeded());

    public static async Task<string> Write(IServiceProvider services)
    {
        var provider = services.GetRequiredKeyedService<IOpenApiDocumentProvider>(Name);
        var document = await provider.GetOpenApiDocumentAsync();
        await using var text = new StringWriter { NewLine = "\n" };
        document.SerializeAsV31(new OpenApiJsonWriter(text));
        return text.ToString() + "\n";
    }

    private sealed record KeyNeeded;

    private static async Task Describe(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancel)
    {
        document.Info = new OpenApiInfo
        {
            Title = "CrossMargin",
            Version = Name,
            Description = "Accounts, custody and audit of a derivatives clearinghouse. Conventions, codes and signatures: docs/api.md. "
                + "Amounts are decimal strings in canonical form; times are RFC 3339 in UTC with microseconds; sequences are integers "
                + "below 2^53. An answer of 5xx with code outcome-unknown or internal may have been executed: repeat it with the same "
                + "Idempotency-Key, or the same sourceSequence.",
        };
        document.Servers = [];   // wherever it runs; a document that is compared must not name a port
        document.Components ??= new OpenApiComponents();
        document.AddComponent(nameof(Problem), await context.GetOrCreateSchemaAsync(typeof(Problem), parameterDescription: null, cancel));
        document.Components.SecuritySchemes = new Dictionary<string, IOpenApiSecurityScheme>
        {
            [BearerScheme] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.Http, Scheme = "bearer", Description = "An opaque token, for people.",
            },
            [SignatureScheme] = new OpenApiSecurityScheme
            {
                Type = SecuritySchemeType.ApiKey, In = ParameterLocation.Header, Name = "Authorization",
                Description = $"{RequestSignature.Scheme} keyId=…,timestamp=…,nonce=…,signature=…, for machines.",
            },
        };
    }

    private static Task Complete(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancel)
    {
        var metadata = context.Description.ActionDescriptor.EndpointMetadata;
        if (metadata.OfType<KeyNeeded>().Any()) AddKey(operation);
        if (metadata.OfType<AccessPolicy>().FirstOrDefault() is not { } policy) return Task.CompletedTask;

        var scope = policy.Scope == Scopes.None
            ? "Needs credentials, of whatever scope"
            : $"Needs the scope {ScopeNames.NameOf(policy.Scope)}";
        operation.Description = scope + policy.Target switch
        {
            AccessTarget.Account => " and a grant for the account; a foreign account is answered as an absent one.",
            AccessTarget.Source => " and a grant for the source.",
            _ => ".",
        };
        operation.Security = [.. Schemes(policy).Select(scheme => new OpenApiSecurityRequirement
        {
            [new OpenApiSecuritySchemeReference(scheme, context.Document)] = [],
        })];
        operation.Responses ??= [];
        operation.Responses["default"] = new OpenApiResponse
        {
            Description = "A problem; code says which.",
            Content = new Dictionary<string, OpenApiMediaType>
            {
                ["application/problem+json"] = new() { Schema = new OpenApiSchemaReference(nameof(Problem), context.Document) },
            },
        };
        return Task.CompletedTask;
    }

    private static void AddKey(OpenApiOperation operation)
    {
        operation.Parameters ??= [];
        operation.Parameters.Add(new OpenApiParameter
        {
            Name = KeyedCommands.KeyHeader,
            In = ParameterLocation.Header,
            Required = true,
            Description = "A version 7 UUID in lower case, not older than 24 hours. The same key and content give the same answer again, "
                + $"with {KeyedCommands.ReplayedHeader}: true.",
            Schema = new OpenApiSchema
            {
                Type = JsonSchemaType.String,
                Pattern = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$",
                Examples = [JsonValue.Create("019aa2c0-5f00-7000-8000-000000000001")],
            },
        });
    }

    private static string[] Schemes(AccessPolicy policy) =>
        policy.Scope == Scopes.VenueWrite ? [SignatureScheme] : [BearerScheme, SignatureScheme];
}
