namespace CrossMargin.Faults;
internal static class LongForm { public static Task<int> Run(TimeSpan time) => Task.FromResult(0); }
