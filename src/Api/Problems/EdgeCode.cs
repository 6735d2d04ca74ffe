namespace CrossMargin.Api.Problems;

/// <summary>
/// Why a request was turned away before any grain saw it. Public like <see cref="Contracts.Rejection"/>, whose codes stand beside these
/// in one namespace: a code is never reused, and docs/api.md lists them all.
/// </summary>
public enum EdgeCode
{
    MalformedBody,
    UnknownField,
    DuplicateField,
    MissingField,
    WrongType,
    TooLong,
    MalformedText,
    MalformedDecimal,
    ExtraPrecision,
    MalformedId,
    NumberOutOfRange,
    MalformedParameter,
    UnknownParameter,
    MalformedCursor,
    MalformedBook,
    BookRefused,
    Unpriced,
    MissingKey,
    MalformedKey,
    BodyTooLarge,
    TooManyItems,
    UnsupportedMediaType,
    MissingCredentials,
    BadCredentials,
    StaleSignature,
    ReusedNonce,
    Forbidden,
    NotFound,
    NotReached,
    MethodNotAllowed,
    RateLimited,
    Behind,
    NotReady,
    VerificationRunning,
    DatabaseAway,
    Internal,
}
