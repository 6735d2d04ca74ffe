namespace CrossMargin.DemoVenue.Clearing;

/// <summary>The demo venue cannot go on. The message is for whoever started it.</summary>
public sealed class DemoFailed(string message) : Exception(message);
