namespace CrossMargin.Journal;

/// <summary>
/// Why the journal cannot be used, in one sentence for the person who started the process. Thrown at start-up only,
/// before anything was promised to anybody; the process ends with an exit code that is not 0.
/// </summary>
public sealed class JournalRefused(string sentence, Exception? inner = null) : Exception(sentence, inner);
