using Npgsql;

namespace CrossMargin.Journal;

/// <summary>
/// Opens a session for a caller that blocks. A server that was just restarted is not stormed: few attempts, spread by
/// chance, and then the caller hears that there is none.
/// </summary>
internal static class Reconnect
{
    private const int Attempts = 5;
    private const int FirstPauseMs = 40;

    public static NpgsqlConnection Open(NpgsqlDataSource source)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return source.OpenConnection();
            }
            catch (NpgsqlException) when (attempt < Attempts)
            {
                var pauseMs = FirstPauseMs << attempt;
                Thread.Sleep(Random.Shared.Next(pauseMs / 2, pauseMs));
            }
        }
    }
}
