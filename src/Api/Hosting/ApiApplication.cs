using System.Data.Common;
using System.Net;
using System.Text.Json.Serialization;
using CrossMargin.Api.Access;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Audit;
using CrossMargin.Api.Batches;
using CrossMargin.Api.Custody;
using CrossMargin.Api.Events;
using CrossMargin.Api.Liquidations;
using CrossMargin.Api.Margin;
using CrossMargin.Api.Markets;
using CrossMargin.Api.OpenApi;
using CrossMargin.Api.Operations;
using CrossMargin.Api.Orders;
using CrossMargin.Api.Parameters;
using CrossMargin.Api.Parked;
using CrossMargin.Api.Problems;
using CrossMargin.Api.Simulation;
using CrossMargin.Api.Trades;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace CrossMargin.Api.Hosting;

/// <summary>The HTTP side put together: what listens, in which order a request passes, and every route.</summary>
internal static class ApiApplication
{
    public static WebApplication Build(string[] arguments)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions
        {
            Args = arguments,
            ContentRootPath = AppContext.BaseDirectory,
        });
        var options = ReadOptions(builder.Configuration);
        ConfigureLogs(builder.Logging, options.Log);
        builder.WebHost.ConfigureKestrel(kestrel => Listen(kestrel, options));
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = options.DrainWithin / 2);
        builder.Services.ConfigureHttpJsonOptions(json =>
        {
            json.SerializerOptions.TypeInfoResolverChain.Insert(0, ApiJson.Default);
            json.SerializerOptions.NumberHandling = JsonNumberHandling.Strict;   // or the document calls every integer a string too
        });
        builder.Services.AddVenueDocument();

        builder.Services.AddSingleton(options);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<Venue>();
        builder.Services.AddSingleton(_ => AccessList.LoadOrCreate(options.DataDirectory));
        builder.Services.AddHostedService<AccessReload>();
        builder.Services.AddSingleton<AccessRecord>();
        builder.Services.AddHostedService(services => services.GetRequiredService<AccessRecord>());
        builder.Services.AddSingleton<AccountOwners>();
        builder.Services.AddSingleton<Instruments>();
        builder.Services.AddSingleton<RequestRates>();
        builder.Services.AddSingleton<DeleverageRanks>();
        builder.Services.AddSingleton<OneVerification>();
        builder.Services.AddSingleton<Margin.EquityFolds>();
        builder.Services.AddSingleton<LiveAudit>();
        builder.Services.AddHostedService(services => services.GetRequiredService<LiveAudit>());
        builder.Services.AddSingleton(new SignatureWindow(options.SignatureWindow, TimeProvider.System));

        var app = builder.Build();
        app.Use(AnswerBrokenRequests);
        app.UseRouting();
        app.UseMiddleware<AccessGate>();
        AccountRoutes.Map(app);
        HoldingRoutes.Map(app);
        LedgerRoutes.Map(app);
        SubAccountRoutes.Map(app);
        MarginRoutes.Map(app);
        EquityRoutes.Map(app);
        WhatIfRoutes.Map(app);
        CustodyRoutes.Map(app);
        MarketRoutes.Map(app);
        SettlementRoutes.Map(app);
        ParameterRoutes.Map(app);
        FillRoutes.Map(app);
        OrderRoutes.Map(app);
        LiquidationOrderRoutes.Map(app);
        LiquidationRoutes.Map(app);
        LiquidationListRoutes.Map(app);
        IngestRoutes.Map(app);
        EventRoutes.Map(app);
        ParkedRoutes.Map(app);
        AuditRoutes.Map(app);
        ProofRoutes.Map(app);
        SimulationRoutes.Map(app);
        PoolRoutes.Map(app);
        OperationRoutes.Map(app);
        app.MapOpenApi("/openapi/{documentName}.json").IsOpenToAll();
        app.RequirePolicies();
        return app;
    }

    private static VenueOptions ReadOptions(ConfigurationManager configuration)
    {
        try
        {
            var options = new VenueOptions();
            configuration.GetSection(VenueOptions.Section).Bind(options, binder => binder.ErrorOnUnknownConfiguration = true);
            return options.Checked();
        }
        catch (InvalidOperationException wrong)
        {
            throw new StartRefused($"The configuration cannot be used: {wrong.Message}", wrong);
        }
    }

    private static void ConfigureLogs(ILoggingBuilder logs, LogFormat format)
    {
        logs.ClearProviders();
        if (format == LogFormat.Json) logs.AddJsonConsole(console => console.UseUtcTimestamp = true);
        else
        {
            logs.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = "HH:mm:ss.fff ";
            });
        }
    }

    private static void Listen(KestrelServerOptions kestrel, VenueOptions options)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = null;   // each route has its own limit, and the gate holds it
        kestrel.Limits.MaxRequestHeadersTotalSize = 16 * 1024;
        kestrel.Limits.MaxRequestHeaderCount = 50;
        kestrel.Limits.MaxRequestLineSize = 4 * 1024;
        kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
        kestrel.Limits.MaxConcurrentConnections = 4_096;
        kestrel.Listen(IPAddress.Parse(options.Address), options.Port);
    }

    /// <summary>
    /// Outermost: whatever breaks inside becomes a problem without a word of what broke; that is for the log.
    /// </summary>
    private static async Task AnswerBrokenRequests(HttpContext http, RequestDelegate next)
    {
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        try
        {
            await next(http);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client is gone; there is nobody to answer.
        }
        catch (Microsoft.AspNetCore.Http.BadHttpRequestException broken)
        {
            var code = broken.StatusCode == StatusCodes.Status413PayloadTooLarge ? EdgeCode.BodyTooLarge : EdgeCode.MalformedBody;
            await Refusal.Of(code, ProblemTable.For(code).Title).ExecuteAsync(http);
        }
        catch (DbException away) when (away.IsTransient && HttpMethods.IsGet(http.Request.Method) && !http.Response.HasStarted)
        {
            RequestLog.NotRead(
                http.RequestServices.GetRequiredService<ILogger<Venue>>(), http.GetEndpoint()?.DisplayName, away.Message);
            await Refusal.Of(EdgeCode.DatabaseAway, ProblemTable.For(EdgeCode.DatabaseAway).Title).ExecuteAsync(http);
        }
        catch (Exception thrown) when (!http.Response.HasStarted)
        {
            RequestLog.Broken(
                http.RequestServices.GetRequiredService<ILogger<Venue>>(), thrown, http.Request.Method, http.GetEndpoint()?.DisplayName);
            await Refusal.Of(EdgeCode.Internal, ProblemTable.For(EdgeCode.Internal).Title).ExecuteAsync(http);
        }
    }
}

internal static partial class RequestLog
{
    [LoggerMessage(40, LogLevel.Error, "A request broke: {Method} {Route}")]
    public static partial void Broken(ILogger log, Exception thrown, string method, string? route);

    [LoggerMessage(41, LogLevel.Warning, "Not read, the database is away: {Route}: {Why}")]
    public static partial void NotRead(ILogger log, string? route, string why);
}
