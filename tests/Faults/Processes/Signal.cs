using System.ComponentModel;
using System.Runtime.InteropServices;

namespace CrossMargin.Faults.Processes;

/// <summary>
/// What is done to a process from outside. Always to one pid that this harness learned itself, never to a name.
/// </summary>
internal static partial class Signal
{
    private const int Kill = 9, Terminate = 15, Continue = 18, Stop = 19;

    public static void KillHard(int pid) => Send(pid, Kill);

    public static void AskToEnd(int pid) => Send(pid, Terminate);

    public static void Freeze(int pid) => Send(pid, Stop);

    public static void Thaw(int pid) => Send(pid, Continue);

    /// <summary>A process that is gone already has had what it was to get.</summary>
    private static void Send(int pid, int signal)
    {
        const int noSuchProcess = 3;
        if (pid <= 1) throw new ArgumentOutOfRangeException(nameof(pid), pid, "not a process of ours");
        if (SendSignal(pid, signal) != 0 && Marshal.GetLastPInvokeError() is var error and not noSuchProcess)
            throw new Win32Exception(error);
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int SendSignal(int pid, int signal);
}
