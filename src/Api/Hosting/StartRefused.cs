namespace CrossMargin.Api.Hosting;

/// <summary>Why the process does not start, in one sentence for the person who started it.</summary>
public sealed class StartRefused(string sentence, Exception? inner = null) : Exception(sentence, inner);
