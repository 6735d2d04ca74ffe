namespace CrossMargin.Api.Access;

/// <summary>What of the request's path has to be granted to the one who asks.</summary>
public enum AccessTarget
{
    /// <summary>Nothing: the scope says it all.</summary>
    Venue,

    /// <summary>Nothing, and it answers before the venue is open and while it stops.</summary>
    Process,

    /// <summary>The account in the path's <c>{id}</c>, or in the query's <c>account</c> where the path has none.</summary>
    Account,

    /// <summary>The machine source in the path's <c>{source}</c>, or in the query's <c>source</c>.</summary>
    Source,
}

/// <summary>Who may use a route. A route without one, or <see cref="OpenToAll"/>, does not start.</summary>
public sealed record AccessPolicy(Scopes Scope, AccessTarget Target);

/// <summary>A route that answers to anybody and so tells nothing that matters.</summary>
public sealed record OpenToAll;

/// <summary>How much body a route takes.</summary>
public sealed record BodyLimit(int Bytes)
{
    public const int Default = 64 * 1024;
    public const int Batch = 4 * 1024 * 1024;
}

public static class AccessPolicyExtensions
{
    public static TBuilder Needs<TBuilder>(this TBuilder route, Scopes scope, AccessTarget target)
        where TBuilder : IEndpointConventionBuilder => route.WithMetadata(new AccessPolicy(scope, target));

    public static TBuilder IsOpenToAll<TBuilder>(this TBuilder route)
        where TBuilder : IEndpointConventionBuilder => route.WithMetadata(new OpenToAll());

    /// <summary>The build's and the start's check that nothing was left open by forgetting it.</summary>
    public static void RequirePolicies(this IEndpointRouteBuilder routes)
    {
        foreach (var endpoint in routes.DataSources.SelectMany(source => source.Endpoints))
            if (endpoint.Metadata.GetMetadata<AccessPolicy>() is null && endpoint.Metadata.GetMetadata<OpenToAll>() is null)
                throw new InvalidOperationException($"{endpoint.DisplayName} does not say who may use it");
    }
}
