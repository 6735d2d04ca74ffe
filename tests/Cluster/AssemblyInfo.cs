using Xunit;

// Each of these loads the machine on purpose; two at once would only measure each other.
[assembly: CollectionBehavior(DisableTestParallelization = true)]
