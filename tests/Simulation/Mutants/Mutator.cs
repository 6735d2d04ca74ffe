using CrossMargin.Simulation.Zoo;
using Microsoft.CodeAnalysis;
using Microsoft.CodeAnalysis.CSharp;
using Microsoft.CodeAnalysis.CSharp.Syntax;

namespace CrossMargin.Simulation.Mutants;

/// <summary>One mechanical change of one place of the sources.</summary>
internal sealed record Mutant(int Number, string File, int Line, string From, string To);

/// <summary>
/// Rewrites a file so that every mutant of it is there behind its number: an operator becomes its neighbour, a condition its opposite,
/// a truth value the other, and a statement is left out. What does not compile is left as it is.
/// </summary>
internal sealed class Mutator(string file, List<Mutant> mutants, IReadOnlySet<int> leftOut) : CSharpSyntaxRewriter
{
    private static readonly Dictionary<SyntaxKind, (SyntaxKind Kind, string Text)> Neighbours = new()
    {
        [SyntaxKind.LessThanExpression] = (SyntaxKind.LessThanOrEqualExpression, "<="),
        [SyntaxKind.LessThanOrEqualExpression] = (SyntaxKind.LessThanExpression, "<"),
        [SyntaxKind.GreaterThanExpression] = (SyntaxKind.GreaterThanOrEqualExpression, ">="),
        [SyntaxKind.GreaterThanOrEqualExpression] = (SyntaxKind.GreaterThanExpression, ">"),
        [SyntaxKind.EqualsExpression] = (SyntaxKind.NotEqualsExpression, "!="),
        [SyntaxKind.NotEqualsExpression] = (SyntaxKind.EqualsExpression, "=="),
        [SyntaxKind.AddExpression] = (SyntaxKind.SubtractExpression, "-"),
        [SyntaxKind.SubtractExpression] = (SyntaxKind.AddExpression, "+"),
        [SyntaxKind.LogicalAndExpression] = (SyntaxKind.LogicalOrExpression, "||"),
        [SyntaxKind.LogicalOrExpression] = (SyntaxKind.LogicalAndExpression, "&&"),
    };

    public static string Rewrite(string file, string source, List<Mutant> mutants, IReadOnlySet<int> leftOut) =>
        new Mutator(file, mutants, leftOut).Visit(CSharpSyntaxTree.ParseText(source).GetRoot()).ToFullString();

    public override SyntaxNode? VisitBinaryExpression(BinaryExpressionSyntax node)
    {
        var visited = (BinaryExpressionSyntax)base.VisitBinaryExpression(node)!;
        if (!Neighbours.TryGetValue(node.Kind(), out var neighbour) || IsConstant(node) || Declares(node) || IsText(node))
            return visited;
        if (Number(node, node.OperatorToken.Text, neighbour.Text) is not { } number) return visited;
        return Parsed(
            $"({Workshop.Switch(number)} ? ({Plain(visited.Left)} {neighbour.Text} {Plain(visited.Right)}) : ({Plain(visited)}))", node);
    }

    public override SyntaxNode? VisitLiteralExpression(LiteralExpressionSyntax node)
    {
        var isTruth = node.Kind() is SyntaxKind.TrueLiteralExpression or SyntaxKind.FalseLiteralExpression;
        if (!isTruth || IsConstant(node)) return node;
        var other = node.IsKind(SyntaxKind.TrueLiteralExpression) ? "false" : "true";
        return Number(node, node.ToString(), other) is { } number ? Parsed($"({Workshop.Switch(number)} ? {other} : {node})", node) : node;
    }

    public override SyntaxNode? VisitIfStatement(IfStatementSyntax node)
    {
        var visited = (IfStatementSyntax)base.VisitIfStatement(node)!;
        if (Declares(node.Condition) || Neighbours.ContainsKey(node.Condition.Kind())) return visited;
        return Number(node, $"if ({node.Condition})", $"if (!({node.Condition}))") is { } number
            ? visited.WithCondition(Parsed($"({Workshop.Switch(number)}) != ({Plain(visited.Condition)})", node.Condition))
            : visited;
    }

    public override SyntaxNode? VisitConditionalExpression(ConditionalExpressionSyntax node)
    {
        var visited = (ConditionalExpressionSyntax)base.VisitConditionalExpression(node)!;
        if (IsConstant(node) || Declares(node.Condition) || Neighbours.ContainsKey(node.Condition.Kind()))
            return visited;
        return Number(node, $"{node.Condition} ?", $"!({node.Condition}) ?") is { } number
            ? visited.WithCondition(Parsed($"(({Workshop.Switch(number)}) != ({Plain(visited.Condition)})) ", node.Condition))
            : visited;
    }

    public override SyntaxNode? VisitExpressionStatement(ExpressionStatementSyntax node) =>
        Dropped(node, base.VisitExpressionStatement(node)!);

    public override SyntaxNode? VisitReturnStatement(ReturnStatementSyntax node) =>
        node.Expression is null ? Dropped(node, node) : base.VisitReturnStatement(node);

    public override SyntaxNode? VisitContinueStatement(ContinueStatementSyntax node) => Dropped(node, node);

    private SyntaxNode Dropped(StatementSyntax node, SyntaxNode visited)
    {
        if (Declares(node) || GuardsAName(node) || Number(node, node.ToString(), "") is not { } number) return visited;

        // In a block of its own, or an else behind it would become that of the new if.
        return SyntaxFactory.ParseStatement($"{{ if (!({Workshop.Switch(number)})) {{ {Plain(visited)} }} }}")
            .WithTriviaFrom(node);
    }

    /// <summary>Leaving by this statement is what gives a name of the condition its value behind it.</summary>
    private static bool GuardsAName(StatementSyntax node) =>
        node.Ancestors().TakeWhile(ancestor => ancestor is BlockSyntax or IfStatementSyntax).OfType<IfStatementSyntax>()
            .Any(guard => Declares(guard.Condition))
        && node is not ExpressionStatementSyntax;

    private int? Number(SyntaxNode node, string from, string to)
    {
        var number = mutants.Count + 1;
        mutants.Add(
            new Mutant(number, file, node.GetLocation().GetLineSpan().StartLinePosition.Line + 1, OneLine(from), OneLine(to)));
        return leftOut.Contains(number) ? null : number;
    }

    private static ExpressionSyntax Parsed(string text, SyntaxNode instead) =>
        SyntaxFactory.ParseExpression(text).WithTriviaFrom(instead);

    private static string Plain(SyntaxNode node) => node.WithoutTrivia().ToFullString();

    private static string OneLine(string text) =>
        string.Join(' ', text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    private static bool IsConstant(SyntaxNode node) => node.Ancestors().Any(ancestor =>
        ancestor is AttributeSyntax or ParameterSyntax or CaseSwitchLabelSyntax or ConstantPatternSyntax or RelationalPatternSyntax
        || ancestor is FieldDeclarationSyntax field && field.Modifiers.Any(SyntaxKind.ConstKeyword)
        || ancestor is LocalDeclarationStatementSyntax { IsConst: true });

    /// <summary>Text is joined with a plus that has no neighbour.</summary>
    private static bool IsText(BinaryExpressionSyntax node) => node.IsKind(SyntaxKind.AddExpression)
        && node.DescendantNodes().Any(part => part is InterpolatedStringExpressionSyntax || part.IsKind(SyntaxKind.StringLiteralExpression));

    /// <summary>A name that is declared inside would be declared twice.</summary>
    private static bool Declares(SyntaxNode node) => node.DescendantNodesAndSelf().Any(part =>
        part is SingleVariableDesignationSyntax or LambdaExpressionSyntax or DeclarationExpressionSyntax);
}
