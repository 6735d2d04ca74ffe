using System.Text.Json.Serialization;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Audit;
using CrossMargin.Api.Custody;
using CrossMargin.Api.Events;
using CrossMargin.Api.Operations;
using CrossMargin.Api.Problems;
using CrossMargin.Api.Simulation;

namespace CrossMargin.Api;

/// <summary>Everything that the API writes as JSON, and the shapes that its document shows.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.Strict)]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(OpenRequest))]
[JsonSerializable(typeof(OpenedReceipt))]
[JsonSerializable(typeof(DepositRequest))]
[JsonSerializable(typeof(DepositReceipt))]
[JsonSerializable(typeof(WithdrawRequest))]
[JsonSerializable(typeof(WithdrawalReceipt))]
[JsonSerializable(typeof(CancelRequest))]
[JsonSerializable(typeof(CancellationReceipt))]
[JsonSerializable(typeof(TransferRequest))]
[JsonSerializable(typeof(TransferReceipt))]
[JsonSerializable(typeof(AccountView))]
[JsonSerializable(typeof(WithdrawalAnswer))]
[JsonSerializable(typeof(EventView))]
[JsonSerializable(typeof(EventPage))]
[JsonSerializable(typeof(CustodyDepositBatch))]
[JsonSerializable(typeof(CustodyWithdrawalBatch))]
[JsonSerializable(typeof(CustodyAnswer))]
[JsonSerializable(typeof(IngestPosition))]
[JsonSerializable(typeof(AuditHead))]
[JsonSerializable(typeof(VerifyRequest))]
[JsonSerializable(typeof(VerifyAnswer))]
[JsonSerializable(typeof(BookRequest))]
[JsonSerializable(typeof(SimulationAnswer))]
[JsonSerializable(typeof(ClusterView))]
[JsonSerializable(typeof(HealthView))]
internal sealed partial class ApiJson : JsonSerializerContext;
