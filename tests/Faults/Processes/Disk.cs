using System.Diagnostics;

namespace CrossMargin.Faults.Processes;

/// <summary>
/// A disk whose power can be cut: an ext4 file system in a file. What the kernel has not written to the file is not on
/// the disk, so a copy of the file is the disk as a power cut leaves it.
/// </summary>
internal sealed class Disk : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly string image;
    private readonly IDisposable atExit;

    private Disk(string image)
    {
        this.image = image;
        Mount = image + ".mount";
        Directory.CreateDirectory(Mount);
        Shell.Run("mount", "-o", "loop", image, Mount);
        atExit = Children.Undo(Unmount);
    }

    public string Mount { get; }

    /// <summary>Null when loop mounts are permitted here, otherwise what the system said.</summary>
    public static string? WhyNot()
    {
        var scratch = Directory.CreateTempSubdirectory("crossmargin-loop-").FullName;
        try
        {
            using var disk = Make(Path.Combine(scratch, "disk.img"), megabytes: 8);
            return null;
        }
        catch (Exception refused) when (refused is InvalidOperationException or System.ComponentModel.Win32Exception)
        {
            return refused.Message;
        }
        finally
        {
            Directory.Delete(scratch, recursive: true);
        }
    }

    public static Disk Make(string image, int megabytes)
    {
        using (var file = File.Create(image)) file.SetLength(megabytes * 1024L * 1024L);
        Shell.Run("mkfs.ext4", "-q", "-F", image);
        return new Disk(image);
    }

    /// <summary>Writes down what is there, so that a cut finds the preparation of a test in place.</summary>
    public void Sync() => Shell.Run("sync", "--file-system", Mount);

    /// <summary>
    /// The disk as it is at one instant. The kernel may write while the file is copied, so a copy counts only when the
    /// file was still the same after it: then nothing was written in between, and the copy is what the file was at the
    /// copy's end.
    /// </summary>
    public Disk Cut(string copy)
    {
        do Shell.Run("cp", "--sparse=always", image, copy);
        while (Shell.Try("cmp", "--silent", image, copy).ExitCode != 0);
        return new Disk(copy);
    }

    public void Dispose() => atExit.Dispose();

    /// <summary>A process that was killed lets go of its files a moment after it is gone from sight.</summary>
    private void Unmount()
    {
        for (var waited = Stopwatch.StartNew(); Shell.Try("umount", Mount).ExitCode != 0 && waited.Elapsed < Patience; Thread.Sleep(20)) { }
    }

    /// <summary>Of a copy that has served.</summary>
    public void Delete()
    {
        Dispose();
        Directory.Delete(Mount);
        File.Delete(image);
    }
}
