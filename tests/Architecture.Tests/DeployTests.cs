using System.Diagnostics;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Shouldly;
using Xunit;
using YamlDotNet.RepresentationModel;

namespace CrossMargin.Architecture.Tests;

/// <summary>The manifests say what the code does: routes, ports and settings that exist, and nothing that a cluster should not be told.</summary>
public sealed partial class DeployTests
{
    private static readonly string Deploy = Path.Combine(Repository.Root, "deploy");

    /// <summary>As they lie in the base, before an overlay changes them.</summary>
    private static readonly List<Manifest> Base =
        [.. Directory.EnumerateFiles(Path.Combine(Deploy, "k8s", "base"), "*.yaml").Order(StringComparer.Ordinal).SelectMany(Read)];

    private sealed record Manifest(string File, YamlMappingNode Yaml)
    {
        public string Kind => Yaml["kind"].ToString();

        /// <summary>Every mapping in it, at any depth.</summary>
        public IEnumerable<YamlMappingNode> Mappings => Yaml.AllNodes.OfType<YamlMappingNode>();
    }

    private static IEnumerable<Manifest> Read(string file)
    {
        var stream = new YamlStream();
        using var text = File.OpenText(file);
        stream.Load(text);
        return stream.Documents.Select(document => new Manifest(Path.GetFileName(file), (YamlMappingNode)document.RootNode));
    }

    private static IEnumerable<YamlMappingNode> Pods => Base.Where(one => one.Kind is "StatefulSet" or "Job")
        .Select(one => (YamlMappingNode)one.Yaml["spec"]["template"]["spec"]);

    private static IEnumerable<YamlMappingNode> Containers =>
        Pods.SelectMany(pod => ((YamlSequenceNode)pod["containers"]).Cast<YamlMappingNode>());

    private static string? Text(YamlNode node, string key) =>
        node is YamlMappingNode map && map.Children.TryGetValue(key, out var value) ? value.ToString() : null;

    [Fact]
    public void Every_file_of_the_base_is_in_its_kustomization_and_every_document_is_a_manifest()
    {
        Base.ShouldAllBe(one => Text(one.Yaml, "apiVersion") != null && Text(one.Yaml, "kind") != null);
        var listed = (YamlSequenceNode)Base.Single(one => one.File == "kustomization.yaml").Yaml["resources"];
        Base.Select(one => one.File).Distinct().Where(file => file != "kustomization.yaml").Order(StringComparer.Ordinal)
            .ShouldBe(listed.Select(file => file.ToString()).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Everything_that_the_venue_needs_is_there() =>
        ((string[])["StatefulSet", "Service", "Cluster", "Job", "PodDisruptionBudget", "NetworkPolicy", "ServiceMonitor"])
            .ShouldAllBe(kind => Base.Any(one => one.Kind == kind));

    [Fact]
    public void Probes_and_monitors_ask_for_routes_that_the_document_has()
    {
        var document = JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "docs", "openapi.json")))!["paths"]!.AsObject();
        var asked = Base.SelectMany(one => one.Mappings).Select(map => Text(map, "path")).OfType<string>().ToList();
        asked.ShouldContain("/health/startup");
        asked.ShouldContain("/health/ready");
        asked.ShouldContain("/health/live");
        asked.ShouldContain("/metrics");
        asked.Where(path => !document.ContainsKey(path)).ShouldBeEmpty();
    }

    [Fact]
    public void Ports_are_those_of_the_container()
    {
        var silo = Containers.Single(container => Text(container, "name") == "silo");
        var ports = ((YamlSequenceNode)silo["ports"]).ToDictionary(port => port["name"].ToString(), port => port["containerPort"].ToString());
        var containerfile = File.ReadAllText(Path.Combine(Deploy, "Containerfile"));
        containerfile.ShouldContain($"CROSSMARGIN__PORT={ports["http"]}");
        containerfile.ShouldContain($"EXPOSE {ports["http"]} {ports["link"]}");
        SettingOf(silo, "CROSSMARGIN__LINKLISTEN").ShouldEndWith($":{ports["link"]}");
        SettingOf(silo, "CROSSMARGIN__LINK").ShouldEndWith($":{ports["link"]}");
        Base.Where(one => one.Kind == "Service").SelectMany(one => one.Mappings)
            .Select(map => Text(map, "targetPort")).OfType<string>().ShouldAllBe(name => ports.ContainsKey(name));

        static string SettingOf(YamlMappingNode container, string name) =>
            ((YamlSequenceNode)container["env"]).Single(entry => entry["name"].ToString() == name)["value"].ToString();
    }

    [Fact]
    public void Settings_are_those_that_the_host_knows()
    {
        var options = File.ReadAllText(Path.Combine(Repository.Root, "src", "Api", "Hosting", "VenueOptions.cs"));
        var known = Property().Matches(options).Select(match => match.Groups[1].Value.ToUpperInvariant()).ToHashSet(StringComparer.Ordinal);
        var files = Directory.EnumerateFiles(Deploy, "*", SearchOption.AllDirectories).ToList();
        var named = files.SelectMany(file => Setting().Matches(File.ReadAllText(file))).Select(match => match.Groups[1].Value).Distinct().ToList();
        named.Count.ShouldBeGreaterThan(8);
        named.Where(name => !known.Contains(name)).ShouldBeEmpty();
    }

    [Fact]
    public void No_secret_stands_in_a_manifest()
    {
        Base.ShouldAllBe(one => one.Kind != "Secret");
        foreach (var container in Containers)
            foreach (var entry in (YamlSequenceNode)container["env"])
                if (Secret().IsMatch(entry["name"].ToString())) entry["valueFrom"]["secretKeyRef"]["name"].ToString().ShouldNotBeEmpty();
        foreach (var file in Directory.EnumerateFiles(Deploy, "*", SearchOption.AllDirectories))
            Password().IsMatch(File.ReadAllText(file)).ShouldBeFalse(file);
    }

    [Fact]
    public void Containers_are_nobody_write_nowhere_and_may_nothing()
    {
        foreach (var pod in Pods)
        {
            Text(pod, "automountServiceAccountToken").ShouldBe("false");
            Text(pod["securityContext"], "runAsNonRoot").ShouldBe("true");
            Text(pod["securityContext"]["seccompProfile"], "type").ShouldBe("RuntimeDefault");
        }

        foreach (var container in Containers)
        {
            var security = container["securityContext"];
            Text(security, "readOnlyRootFilesystem").ShouldBe("true");
            Text(security, "allowPrivilegeEscalation").ShouldBe("false");
            ((YamlSequenceNode)security["capabilities"]["drop"]).Single().ToString().ShouldBe("ALL");
            Text(container["resources"]["limits"], "memory").ShouldNotBeNull();
        }

        var user = Pods.First()["securityContext"]["runAsUser"].ToString();
        File.ReadAllText(Path.Combine(Deploy, "Containerfile")).ShouldContain($"USER {user}:{user}");
    }

    /// <summary>A silo refuses an access file that others may read; one that is mounted belongs to root and is read by the group.</summary>
    [Fact]
    public void The_access_file_is_read_by_the_silos_group_and_nobody_else()
    {
        var pod = Base.Single(one => one.Kind == "StatefulSet").Yaml["spec"]["template"]["spec"];
        var access = ((YamlSequenceNode)pod["volumes"]).Single(volume => Text(volume, "name") == "access")["secret"];
        Convert.ToString(int.Parse(Text(access, "defaultMode")!), 8).ShouldBe("440");
        Text(pod["securityContext"], "fsGroup").ShouldBe(Text(pod["securityContext"], "runAsGroup"));
    }

    /// <summary>
    /// DrainWithin, behind the time in which endpoints forget the pod and before the end of a commit that hangs: 5 s for a connection, 12 for
    /// a command and 2 for its cancellation.
    /// </summary>
    [Fact]
    public void A_silo_that_is_stopped_has_the_time_to_hand_its_shards_over()
    {
        var pod = Base.Single(one => one.Kind == "StatefulSet").Yaml["spec"]["template"]["spec"];
        var sleep = int.Parse(pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].ToString());
        var literals = Base.Single(one => one.File == "kustomization.yaml").Yaml["configMapGenerator"][0]["literals"];
        var drain = ((YamlSequenceNode)literals).Select(literal => literal.ToString().Split('=')).Single(pair => pair[0] == "CROSSMARGIN__DRAINWITHIN")[1];
        int.Parse(Text(pod, "terminationGracePeriodSeconds")!).ShouldBeGreaterThan(sleep + (int)TimeSpan.Parse(drain).TotalSeconds + 20);
    }

    /// <summary>Acknowledged means on two disks, and commits wait for a standby rather than do without.</summary>
    [Fact]
    public void The_database_of_production_waits_for_a_standby()
    {
        var spec = Base.Single(one => one.Kind == "Cluster").Yaml["spec"];
        int.Parse(Text(spec, "instances")!).ShouldBeGreaterThan(2);
        Text(spec["postgresql"]["synchronous"], "dataDurability").ShouldBe("required");
        Text(spec["postgresql"]["parameters"], "synchronous_commit").ShouldBe("on");
        var prod = File.ReadAllText(Path.Combine(Deploy, "k8s", "overlays", "prod", "kustomization.yaml"));
        prod.ShouldNotContain("synchronous");
        prod.ShouldNotContain("/spec/instances");
    }

    [Theory]
    [InlineData("dev", 1)]
    [InlineData("prod", 3)]
    public async Task Overlays_render(string overlay, int silos)
    {
        var kubectl = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Select(folder => Path.Combine(folder, "kubectl")).FirstOrDefault(File.Exists);
        if (kubectl is null) Assert.Skip("kubectl is not here: what the overlays come to was not looked at");
        using var rendering = Process.Start(new ProcessStartInfo(kubectl, ["kustomize", Path.Combine(Deploy, "k8s", "overlays", overlay)])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var errors = rendering.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var stream = new YamlStream();
        stream.Load(rendering.StandardOutput);
        await rendering.WaitForExitAsync(TestContext.Current.CancellationToken);
        rendering.ExitCode.ShouldBe(0, await errors);

        var rendered = stream.Documents.Select(document => (YamlMappingNode)document.RootNode).ToList();
        var silo = rendered.Single(one => one["kind"].ToString() == "StatefulSet");
        Text(silo["spec"], "replicas").ShouldBe(silos.ToString());
        var image = silo["spec"]["template"]["spec"]["containers"][0]["image"].ToString();
        image.ShouldContain(':');
        image.ShouldNotEndWith(":latest");
        rendered.Where(one => one["kind"].ToString() != "Namespace").ShouldAllBe(one => Text(one["metadata"], "namespace") == "crossmargin");
    }

    [GeneratedRegex(@"public [\w?]+ (\w+) \{ get; set; \}")]
    private static partial Regex Property();

    [GeneratedRegex("CROSSMARGIN__([A-Z]+)")]
    private static partial Regex Setting();

    [GeneratedRegex("KEY|CONNECTIONSTRING|PASSWORD|TOKEN")]
    private static partial Regex Secret();

    [GeneratedRegex("(?i)(password|secret|token)\\s*[=:]\\s*['\"]?[A-Za-z0-9+/]{12,}")]
    private static partial Regex Password();
}
