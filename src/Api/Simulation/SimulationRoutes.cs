using CrossMargin.Api.Access;
using CrossMargin.Api.Problems;
using CrossMargin.Risk;
using CrossMargin.Risk.Books;
using Refusal = CrossMargin.Api.Problems.Refusal;

namespace CrossMargin.Api.Simulation;

/// <summary>What-ifs: no state is written, and for a book that comes whole none is read.</summary>
internal static class SimulationRoutes
{
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapPost("/v1/simulate", Simulate).Needs(Scopes.AccountRead, AccessTarget.Venue).WithTags("Simulation")
            .WithName("SimulateBook").WithSummary("The margin of a book that is given whole in the request, explained down to its inputs")
            .WithMetadata(new BodyLimit(BodyLimit.Batch)).Accepts<BookRequest>("application/json").Produces<SimulationAnswer>();

    private static IResult Simulate(HttpContext http)
    {
        var errors = BookDocument.Read(http.Asking().Body.Span, out var book);
        if (book is null)
        {
            var code = ProblemTable.For(EdgeCode.MalformedBook).Code;
            RequestError[] shown = [.. errors.Take(Bodies.StrictObject.MaxErrors).Select(
                error => new RequestError(error.Pointer, code, error.Message))];
            return Refusal.Of(shown[0], shown[1..]);
        }

        var refusal = book.Explain(out var explained);
        return explained is null
            ? Refusal.Of(EdgeCode.BookRefused, $"{refusal.Field} {FaultText.Of(refusal.Fault)}")
            : TypedResults.Json(SimulationAnswer.Of(book, explained), ApiJson.Default.SimulationAnswer);
    }
}

/// <summary>What is wrong with an input, in words that follow the field's name.</summary>
internal static class FaultText
{
    public static string Of(Fault fault) => fault switch
    {
        Fault.NotANumber or Fault.Infinite => "is not a number",
        Fault.Negative => "is negative",
        Fault.Zero => "is zero",
        Fault.Expired => "has passed",
        Fault.Missing => "is missing",
        Fault.Unknown => "is not known",
        _ => "is out of range",
    };
}
