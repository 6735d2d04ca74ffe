using System.Text.Json.Serialization;
using CrossMargin.Api.Accounts;
using CrossMargin.Api.Audit;
using CrossMargin.Api.Batches;
using CrossMargin.Api.Bodies;
using CrossMargin.Api.Custody;
using CrossMargin.Api.Events;
using CrossMargin.Api.Liquidations;
using CrossMargin.Api.Margin;
using CrossMargin.Api.Markets;
using CrossMargin.Api.Operations;
using CrossMargin.Api.Orders;
using CrossMargin.Api.Parameters;
using CrossMargin.Api.Parked;
using CrossMargin.Api.Problems;
using CrossMargin.Api.Simulation;
using CrossMargin.Api.Trades;

namespace CrossMargin.Api;

/// <summary>Everything that the API writes as JSON, and the shapes that its document shows.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    NumberHandling = JsonNumberHandling.Strict)]
[JsonSerializable(typeof(Problem))]
[JsonSerializable(typeof(EmptyRequest))]
[JsonSerializable(typeof(OpenedReceipt))]
[JsonSerializable(typeof(PhaseReceipt))]
[JsonSerializable(typeof(DepositRequest))]
[JsonSerializable(typeof(DepositReceipt))]
[JsonSerializable(typeof(WithdrawRequest))]
[JsonSerializable(typeof(WithdrawalReceipt))]
[JsonSerializable(typeof(CancellationReceipt))]
[JsonSerializable(typeof(TransferCancellationReceipt))]
[JsonSerializable(typeof(TransferRequest))]
[JsonSerializable(typeof(TransferReceipt))]
[JsonSerializable(typeof(AccountView))]
[JsonSerializable(typeof(WithdrawalAnswer))]
[JsonSerializable(typeof(EventView))]
[JsonSerializable(typeof(EventPage))]
[JsonSerializable(typeof(CustodyDepositBatch))]
[JsonSerializable(typeof(CustodyFinalityBatch))]
[JsonSerializable(typeof(CustodyWithdrawalBatch))]
[JsonSerializable(typeof(SequencedAnswer))]
[JsonSerializable(typeof(IngestPosition))]
[JsonSerializable(typeof(PositionsAnswer))]
[JsonSerializable(typeof(OrdersAnswer))]
[JsonSerializable(typeof(CollateralAnswer))]
[JsonSerializable(typeof(SubAccountsAnswer))]
[JsonSerializable(typeof(IsolateRequest))]
[JsonSerializable(typeof(IsolatedReceipt))]
[JsonSerializable(typeof(AllocationRequest))]
[JsonSerializable(typeof(AllocationReceipt))]
[JsonSerializable(typeof(ListRequest))]
[JsonSerializable(typeof(ListAnswer))]
[JsonSerializable(typeof(InstrumentPage))]
[JsonSerializable(typeof(InstrumentAnswer))]
[JsonSerializable(typeof(AdmitSourceRequest))]
[JsonSerializable(typeof(SourceReceipt))]
[JsonSerializable(typeof(AdmitFeedRequest))]
[JsonSerializable(typeof(FeedReceipt))]
[JsonSerializable(typeof(PriceBatch))]
[JsonSerializable(typeof(FrameView))]
[JsonSerializable(typeof(FundingRequest))]
[JsonSerializable(typeof(FundingReceipt))]
[JsonSerializable(typeof(FillBatch))]
[JsonSerializable(typeof(SummaryAnswer))]
[JsonSerializable(typeof(MarginAnswer))]
[JsonSerializable(typeof(ExplainAnswer))]
[JsonSerializable(typeof(GreeksAnswer))]
[JsonSerializable(typeof(LiquidationPricesAnswer))]
[JsonSerializable(typeof(LimitsAnswer))]
[JsonSerializable(typeof(WhatIfRequest))]
[JsonSerializable(typeof(WhatIfAnswer))]
[JsonSerializable(typeof(OrderCheckAnswer))]
[JsonSerializable(typeof(SettlementRequest))]
[JsonSerializable(typeof(SettlementReceipt))]
[JsonSerializable(typeof(ParametersAnswer))]
[JsonSerializable(typeof(ParameterVersionsAnswer))]
[JsonSerializable(typeof(AccessAnswer))]
[JsonSerializable(typeof(ParametersReceipt))]
[JsonSerializable(typeof(OrderRequest))]
[JsonSerializable(typeof(OrderReceipt))]
[JsonSerializable(typeof(OrderEndsRequest))]
[JsonSerializable(typeof(OrderEndsReceipt))]
[JsonSerializable(typeof(MassEndReceipt))]
[JsonSerializable(typeof(EndRequestPage))]
[JsonSerializable(typeof(InstructionPage))]
[JsonSerializable(typeof(LedgerPage))]
[JsonSerializable(typeof(EquityPage))]
[JsonSerializable(typeof(FundingPage))]
[JsonSerializable(typeof(SettlementPage))]
[JsonSerializable(typeof(MatrixAnswer))]
[JsonSerializable(typeof(CompareAnswer))]
[JsonSerializable(typeof(DeleverageRankAnswer))]
[JsonSerializable(typeof(RepriceAnswer))]
[JsonSerializable(typeof(PoolAnswer))]
[JsonSerializable(typeof(SetAsideRequest))]
[JsonSerializable(typeof(BringBackRequest))]
[JsonSerializable(typeof(StandingReceipt))]
[JsonSerializable(typeof(LiquidationOrderPage))]
[JsonSerializable(typeof(AcknowledgeRequest))]
[JsonSerializable(typeof(RejectRequest))]
[JsonSerializable(typeof(LiquidationOrderReceipt))]
[JsonSerializable(typeof(LiquidationAnswer))]
[JsonSerializable(typeof(LiquidationPage))]
[JsonSerializable(typeof(AccountLiquidationPage))]
[JsonSerializable(typeof(BackstopRequest))]
[JsonSerializable(typeof(BackstopReceipt))]
[JsonSerializable(typeof(FundAnswer))]
[JsonSerializable(typeof(FundDepositRequest))]
[JsonSerializable(typeof(FundDepositReceipt))]
[JsonSerializable(typeof(ParkedAnswer))]
[JsonSerializable(typeof(ResolveRequest))]
[JsonSerializable(typeof(UnparkedReceipt))]
[JsonSerializable(typeof(AuditHead))]
[JsonSerializable(typeof(VerifyRequest))]
[JsonSerializable(typeof(VerifyAnswer))]
[JsonSerializable(typeof(StateView))]
[JsonSerializable(typeof(ReplayRequest))]
[JsonSerializable(typeof(ReplayAnswer))]
[JsonSerializable(typeof(BookRequest))]
[JsonSerializable(typeof(SimulationAnswer))]
[JsonSerializable(typeof(ClusterView))]
[JsonSerializable(typeof(OwnersView))]
[JsonSerializable(typeof(HealthView))]
internal sealed partial class ApiJson : JsonSerializerContext;
