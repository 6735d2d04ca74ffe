namespace CrossMargin.Journal;

/// <summary>
/// Whose records a database has. Two venues may bear one name; the id is drawn when the venue is made. Null where it is not known yet.
/// </summary>
internal sealed record VenueIdentity(Guid? Id, string Name)
{
    /// <summary>Throws <see cref="JournalRefused"/> where a database belongs to another venue than the one that is wanted.</summary>
    public void MustBe(VenueIdentity wanted, string database)
    {
        if (Name != wanted.Name)
        {
            throw new JournalRefused($"The database {database} belongs to the venue {Name} and this process serves {wanted.Name}: "
                + "correct its configuration.");
        }

        if (wanted.Id is { } id && Id != id)
        {
            throw new JournalRefused($"The database {database} belongs to another venue that is called {Name} too: it was not made "
                + "together with the first database of this one. Correct the configuration.");
        }
    }
}
