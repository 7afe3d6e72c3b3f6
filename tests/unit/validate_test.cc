// Rules beyond the schema: each broken once, with the exact message.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "common/model/model.h"
#include "common/model/quantity.h"
#include "qleet/v1/application.pb.h"
#include "qleet/v1/delivery.pb.h"

namespace qleet::model {
namespace {

// Errors without their lines, which decode_test looks at.
std::string refused(std::string_view text) {
  const auto decoded = decode(text);
  if (decoded) return "accepted";
  std::string all;
  for (auto field : decoded.error().fields) {
    field.line = 0;
    all += (all.empty() ? "" : "\n") + describe(field);
  }
  return all.empty() ? decoded.error().message : all;
}

struct Case {
  std::string name;
  std::string text;
  std::string message;
};

std::string name_of(const testing::TestParamInfo<Case>& info) { return info.param.name; }

// A Score file whose only container, main, holds `extra`.
std::string container(std::string_view extra) {
  return fmt::format(
      "apiVersion: score.dev/v1b1\nmetadata: {{name: hello}}\ncontainers: {{main: {{image: a/b, {}}}}}\n"
      "resources: {{data: {{type: volume}}, db: {{type: postgres}}}}\n",
      extra);
}

class Container : public testing::TestWithParam<Case> {};

TEST_P(Container, IsRefused) { EXPECT_EQ(refused(container(GetParam().text)), GetParam().message); }

INSTANTIATE_TEST_SUITE_P(
    All, Container,
    testing::Values(
        Case{"Fine",
             "variables: {A: '${resources.db.host} $${HOME}'}, command: [sh, -c, 'echo ${HOME}'], files: "
             "[{target: "
             "/x, content: ''}], volumes: [{source: '${resources.data}', target: /d, path: a/b, readOnly: "
             "true}], "
             "resources: {limits: {cpu: 2, memory: 1Gi}, requests: {cpu: 0.5, memory: 64M}}, livenessProbe: "
             "{exec: "
             "{command: [true-ish]}}",
             "accepted"},
        Case{"VariableName", "variables: {'A=B': x}",
             "containers.main.variables[\"A=B\"]: a variable's name holds no ="},
        Case{"VariableEmptyName", "variables: {'': x}",
             "containers.main.variables[\"\"]: a variable needs a name"},
        Case{"FileOfNothing", "files: [{target: /x}]",
             "containers.main.files[0]: takes exactly one of content, source and binaryContent"},
        Case{"FileOfBoth", "files: [{target: /x, content: a, binaryContent: YQ==}]",
             "containers.main.files[0]: takes exactly one of content, source and binaryContent"},
        Case{"FileSource", "files: [{target: /x, source: ./x.conf}]",
             "containers.main.files[0].source: \"./x.conf\" is a file that the hub cannot see; put its text "
             "under "
             "content (qleet apply does it)"},
        Case{"FileBase64", "files: [{target: /x, binaryContent: 'a?'}]",
             "containers.main.files[0].binaryContent: is not base64"},
        Case{"FileNoTarget", "files: [{content: a}]", "containers.main.files[0].target: is missing"},
        Case{"FileRelative", "files: [{target: x, content: a}]",
             "containers.main.files[0].target: \"x\" must be a path from /"},
        Case{"FileMode", "files: [{target: /x, content: a, mode: '0888'}]",
             "containers.main.files[0].mode: \"0888\" is not a file mode; write for example 0644"},
        Case{"FilePlaceholder", "files: [{target: /x, content: 'a ${resources.dbb.host}'}]",
             "${resources.dbb.host}: no resource \"dbb\" in this workload; there is: data, db"},
        Case{"FileNotExpanded", "files: [{target: /x, content: 'a ${what ever}', noExpand: true}]",
             "accepted"},
        Case{"SameTarget",
             "files: [{target: /x, content: a}], volumes: [{source: '${resources.data}', target: /x}]",
             "containers.main.volumes[0].target: \"/x\" is already the target of a file"},
        Case{"TargetWithAColon", "files: [{target: '/a:b', content: a}]",
             "containers.main.files[0].target: \"/a:b\" must be a path without .. and :"},
        Case{"TargetAbove", "volumes: [{source: '${resources.data}', target: /a/../..}]",
             "containers.main.volumes[0].target: \"/a/../..\" must be a path without .. and :"},
        Case{"VolumeNoSource", "volumes: [{target: /d}]", "containers.main.volumes[0].source: is missing"},
        Case{"VolumePlainSource", "volumes: [{source: data, target: /d}]", "accepted"},
        Case{"VolumeOfNoResource", "volumes: [{source: uploads, target: /d}]", "accepted"},
        Case{"VolumeOfNearlyAResource", "volumes: [{source: date, target: /d}]",
             "containers.main.volumes[0].source: no resource \"date\" in this workload; did you mean "
             "\"data\"?"},
        Case{"VolumeOfAPath", "volumes: [{source: /srv, target: /d}]",
             "containers.main.volumes[0].source: \"/srv\" must be a placeholder for a resource of type "
             "volume, "
             "for example ${resources.data}, or the name of one; there is: data, db"},
        Case{"VolumePlainSourceOfNoVolume", "volumes: [{source: db, target: /d}]",
             "containers.main.volumes[0].source: db: \"db\" is of type postgres; a volume's source has type "
             "volume"},
        Case{
            "VolumePathAtAnOption", "volumes: [{source: data, target: '/d,source=/etc', path: x}]",
            "containers.main.volumes[0].target: \"/d,source=/etc\" must hold no comma or quote where path is "
            "given"},
        Case{"VolumePathFromTheTop", "volumes: [{source: data, target: /d, path: /sub/path}]", "accepted"},
        Case{"VolumeOtherOutput", "volumes: [{source: '${resources.data.size}', target: /d}]",
             "${resources.data.size}: a volume is named by the resource alone: ${resources.data}"},
        Case{"VolumeUnknownSource", "volumes: [{source: '${resources.dat}', target: /d}]",
             "${resources.dat}: no resource \"dat\" in this workload; there is: data, db"},
        Case{"VolumeWrongType", "volumes: [{source: '${resources.db}', target: /d}]",
             "${resources.db}: \"db\" is of type postgres; a volume's source has type volume"},
        Case{"VolumePath", "volumes: [{source: '${resources.data}', target: /d, path: a/../../b}]",
             "containers.main.volumes[0].path: \"a/../../b\" must be a path inside the volume, without .."},
        Case{"Memory", "resources: {limits: {memory: 64MB}}",
             "containers.main.resources.limits.memory: \"64MB\" is not an amount of memory; write for "
             "example 512M or "
             "1.5Gi"},
        Case{"Cpu", "resources: {requests: {cpu: two}}",
             "containers.main.resources.requests.cpu: \"two\" is not an amount of CPU; write for example 2, "
             "0.5 or "
             "250m"},
        Case{"RequestOverLimit", "resources: {requests: {memory: 2G}, limits: {memory: 1Gi}}", "accepted"},
        Case{"DecimalAmounts", "resources: {requests: {memory: 0.5Gi, cpu: 0.25}, limits: {memory: 1.5Gi}}",
             "accepted"},
        Case{"DollarsAndPlaceholders",
             "variables: {A: '$$ $$$$ $${x} $${a b} $$HOME ${metadata.name}'}, files: [{target: /x, content: "
             "'$$1'}]",
             "accepted"},
        Case{"DollarBeforeAPlaceholder", "variables: {A: '$$${metadata.name}'}",
             "containers.main.variables.A: a \"$\" cannot stand right before ${metadata.name}"},
        Case{"ProbeOfNothing", "livenessProbe: {}",
             "containers.main.livenessProbe: takes httpGet, exec, or both (exec is preferred)"},
        Case{"ProbeOfBoth", "readinessProbe: {httpGet: {path: /, port: 80}, exec: {command: [x]}}",
             "accepted"},
        Case{"ProbeOfBothBroken", "readinessProbe: {httpGet: {path: /, port: 0}, exec: {command: []}}",
             "containers.main.readinessProbe.exec.command: is missing\n"
             "containers.main.readinessProbe.httpGet.port: must be between 1 and 65535, and is 0"},
        Case{"ProbeNoPort", "readinessProbe: {httpGet: {path: /}}",
             "containers.main.readinessProbe.httpGet.port: must be between 1 and 65535, and is 0"},
        Case{"ProbePort", "readinessProbe: {httpGet: {path: /, port: 65536}}",
             "containers.main.readinessProbe.httpGet.port: must be between 1 and 65535, and is 65536"},
        Case{"ProbePath", "readinessProbe: {httpGet: {path: health, port: 80}}", "accepted"},
        Case{"ProbeNoPath", "readinessProbe: {httpGet: {port: 80}}",
             "containers.main.readinessProbe.httpGet.path: is missing"},
        Case{"ProbeScheme", "readinessProbe: {httpGet: {path: /, port: 80, scheme: http}}",
             "containers.main.readinessProbe.httpGet.scheme: \"http\" is not one of: HTTP, HTTPS; did you "
             "mean "
             "\"HTTP\"?"},
        Case{"ProbeHeader",
             "readinessProbe: {httpGet: {path: /, port: 80, httpHeaders: [{name: 'a b', value: x}]}}",
             "containers.main.readinessProbe.httpGet.httpHeaders[0].name: \"a b\" is not a header's name"},
        Case{"ProbeCommand", "livenessProbe: {exec: {}}",
             "containers.main.livenessProbe.exec.command: is missing"}),
    name_of);

class ScoreDocument : public testing::TestWithParam<Case> {};

TEST_P(ScoreDocument, IsRefused) {
  EXPECT_EQ(refused("apiVersion: score.dev/v1b1\nmetadata: {name: hello}\n" + GetParam().text),
            GetParam().message);
}

constexpr std::string_view kMain = "containers: {main: {image: a/b}}\n";

INSTANTIATE_TEST_SUITE_P(
    All, ScoreDocument,
    testing::Values(
        Case{"ContainerName", "containers: {Main: {image: a/b}}\n",
             "containers.Main: \"Main\" is not a name: lower-case letters, digits and - only, at most 63, "
             "not starting "
             "or ending with -"},
        Case{"ContainerShortName", "containers: {m: {image: a/b}}\n",
             "containers.m: a name in a Score document has at least two characters"},
        Case{"Image", "containers: {main: {image: 'a b'}}\n",
             "containers.main.image: \"a b\" is not an image; write for example "
             "registry.example/shop/web:1.0"},
        Case{
            "ImageOfNoBuild", "containers: {main: {image: .}}\n",
            "containers.main.image: \".\" stands for an image that is named elsewhere, and this workload has "
            "no builds; name an image here, or with qleet apply FILE --image IMAGE"},
        Case{"Before",
             "containers: {main: {image: a/b, before: {init: {ready: complete}, proxy: {ready: healthy}}},\n"
             "  init: {image: a/b, before: {proxy: {ready: started}}}, proxy: {image: a/b}}\n",
             "accepted"},
        Case{"BeforeNobody", "containers: {main: {image: a/b, before: {ini: {ready: complete}}}}\n",
             "containers.main.before.ini: no container \"ini\" in this workload; there is: main"},
        Case{"BeforeItself", "containers: {main: {image: a/b, before: {main: {ready: started}}}}\n",
             "containers.main.before.main: is this container itself; name another one that comes before it"},
        Case{"BeforeHow", "containers: {main: {image: a/b, before: {init: {}}}, init: {image: a/b}}\n",
             "containers.main.before.init.ready: is missing"},
        Case{"BeforeHowElse",
             "containers: {main: {image: a/b, before: {init: {ready: completed}}}, init: {image: a/b}}\n",
             "containers.main.before.init.ready: \"completed\" is not one of: started, healthy, complete; "
             "did you "
             "mean \"complete\"?"},
        Case{"BeforeEachOther",
             "containers: {aa: {image: a/b, before: {bb: {ready: started}}},\n"
             "  bb: {image: a/b, before: {cc: {ready: healthy}}}, cc: {image: a/b, before: {bb: {ready: "
             "started}}}}\n",
             "containers.bb.before: containers wait for each other in a circle: bb -> cc -> bb"},
        Case{"Annotations",
             std::string(kMain) + "resources: {db: {type: postgres, metadata: {extra: 1, annotations: "
                                  "{example.com/a.b: x, 'a b': y, n: 1}}}}\n",
             "resources.db.metadata.annotations[\"a b\"]: \"a b\" is not a label's name: letters, digits, -, "
             "_ "
             "and . only, at most 63, with an optional prefix like example.com/\n"
             "resources.db.metadata.annotations.n: must be a text; put it in quotes"},
        Case{"Port", std::string(kMain) + "service: {ports: {http: {port: 70000}}}\n",
             "service.ports.http.port: must be between 1 and 65535, and is 70000"},
        Case{"NoPort", std::string(kMain) + "service: {ports: {http: {targetPort: 80}}}\n",
             "service.ports.http.port: must be between 1 and 65535, and is 0"},
        Case{"Protocol", std::string(kMain) + "service: {ports: {http: {port: 80, protocol: tcp}}}\n",
             "service.ports.http.protocol: \"tcp\" is not one of: TCP, UDP; did you mean \"TCP\"?"},
        Case{"ResourceNoType", std::string(kMain) + "resources: {db: {class: x1}}\n",
             "resources.db.type: is missing"},
        Case{"ResourceType", std::string(kMain) + "resources: {db: {type: my_db}}\n",
             "resources.db.type: \"my_db\" is not allowed: 2 to 63 letters, digits and -"},
        Case{"ResourceClass", std::string(kMain) + "resources: {db: {type: postgres, class: x}}\n",
             "resources.db.class: \"x\" is not allowed: 2 to 63 letters, digits and -"},
        Case{"ResourceId", std::string(kMain) + "resources: {db: {type: postgres, id: My.Id}}\n",
             "resources.db.id: \"My.Id\" is not an id: 2 to 63 lower-case letters, digits, - and ."},
        Case{"ResourceDottedId", std::string(kMain) + "resources: {db: {type: postgres, id: my.id}}\n",
             "accepted"},
        Case{"ParamsPlaceholder",
             std::string(kMain) +
                 "resources: {db: {type: postgres, params: {a: [{b: '${resources.x.y}'}]}}}\n",
             "${resources.x.y}: no resource \"x\" in this workload; there is: db"},
        Case{"ParamsOfItself",
             std::string(kMain) + "resources: {db: {type: postgres, params: {a: '${resources.db.y}'}}}\n",
             "${resources.db.y}: the params of \"db\" cannot draw on itself"},
        Case{"AVolumeOfSomebodysChoosing",
             "containers: {main: {image: a/b, volumes: [{source: '${resources.data.size}', target: /d}]}}\n"
             "resources: {data: {type: volume}}\n",
             "${resources.data.size}: a volume is named by the resource alone: ${resources.data}"},
        Case{"NoResources", "containers: {main: {image: a/b, variables: {A: '${resources.db.host}'}}}\n",
             "${resources.db.host}: no resource \"db\" in this workload; there is none"},
        Case{"ResourceUnnamed", "containers: {main: {image: a/b, variables: {A: '${resources}'}}}\n",
             "${resources}: name a resource, for example ${resources.db.host}"},
        Case{"Metadata", "containers: {main: {image: a/b, variables: {A: '${metadata.nam}'}}}\n",
             "${metadata.nam}: no \"nam\" in the metadata of this workload's Score document"}),
    name_of);

class Rules : public testing::TestWithParam<Case> {};

TEST_P(Rules, AreKept) {
  EXPECT_EQ(refused("apiVersion: qleet.io/v1\n" + GetParam().text), GetParam().message);
}

std::string application(std::string_view spec) {
  return fmt::format("kind: Application\nmetadata: {{name: shop}}\nspec: {}\n", spec);
}

constexpr std::string_view kTwoContainers =
    "{workloads: {web: {score: {containers: {one: {image: a/b}, two: {image: a/c}}}, builds: ";

INSTANTIATE_TEST_SUITE_P(
    Application, Rules,
    testing::Values(
        Case{"NoWorkload", application("{}"),
             "spec.workloads: is missing; an application has at least one workload"},
        Case{"NoSpec", "kind: Application\nmetadata: {name: shop}\n",
             "spec.workloads: is missing; an application has at least one workload"},
        Case{"NoScore", application("{workloads: {web: {replicas: 1}}}"),
             "spec.workloads.web.score: is missing; it holds the Score document of the workload"},
        Case{"WorkloadName", application("{workloads: {Web: {score: {containers: {main: {image: a/b}}}}}}"),
             "spec.workloads.Web: \"Web\" is not a name: lower-case letters, digits and - only, at most 63, "
             "not "
             "starting or ending with -"},
        Case{"Replicas",
             application("{workloads: {web: {replicas: 1001, score: {containers: {main: {image: a/b}}}}}}"),
             "spec.workloads.web.replicas: is 1001; at most 1000 are allowed"},
        Case{"RenamedFromItself",
             application("{workloads: {web: {renamedFrom: web, score: {containers: {main: {image: a/b}}}}}}"),
             "spec.workloads.web.renamedFrom: is the workload's own name; give the one that it had before, "
             "or leave "
             "it out"},
        Case{"RenamedFromOneThatIsThere",
             application("{workloads: {api: {renamedFrom: web, score: {containers: {main: {image: a/b}}}}, "
                         "web: {score: {containers: {main: {image: a/b}}}}}}"),
             "spec.workloads.api.renamedFrom: workload \"web\" is here as well: what it has stays with it. "
             "Take it "
             "out, or leave out renamedFrom"},
        Case{"RenamedFromOneTwice",
             application("{workloads: {api: {renamedFrom: web, score: {containers: {main: {image: a/b}}}}, "
                         "site: {renamedFrom: web, score: {containers: {main: {image: a/b}}}}}}"),
             "spec.workloads.site.renamedFrom: workload \"api\" takes over what \"web\" had; only one can"},
        Case{"RenamedFromNoName",
             application("{workloads: {api: {renamedFrom: Web, score: {containers: {main: {image: a/b}}}}}}"),
             "spec.workloads.api.renamedFrom: \"Web\" is not a name: lower-case letters, digits and - only, "
             "at most 63, not "
             "starting or ending with -"},
        Case{"ScoreVersion",
             application(
                 "{workloads: {web: {score: {apiVersion: score.dev/v2, containers: {main: {image: a/b}}}}}}"),
             "spec.workloads.web.score.apiVersion: unknown version \"score.dev/v2\" of Score; known is "
             "score.dev/v1b1"},
        Case{"EnvironmentTwice",
             application(
                 "{environments: [dev, dev], workloads: {web: {score: {containers: {main: {image: a/b}}}}}}"),
             "spec.environments[1]: \"dev\" is given twice"},
        Case{"EnvironmentName",
             application(
                 "{environments: [Dev], workloads: {web: {score: {containers: {main: {image: a/b}}}}}}"),
             "spec.environments[0]: \"Dev\" is not a name: lower-case letters, digits and - only, at most "
             "63, not "
             "starting or ending with -"},
        Case{"ImageFromBuilds",
             application(
                 "{workloads: {web: {score: {containers: {main: {image: .}}}, builds: {image: a/b}}}}"),
             "accepted"},
        Case{
            "BuildsNoImage",
            application("{workloads: {web: {score: {containers: {main: {image: a/b}}}, builds: {tags: x}}}}"),
            "spec.workloads.web.builds.image: is missing"},
        Case{"BuildsTag",
             application("{workloads: {web: {score: {containers: {main: {image: a/b}}}, builds: {image: "
                         "'localhost:5000/a/b:main'}}}}"),
             "spec.workloads.web.builds.image: must be a repository without tag or digest; leave out "
             "\":main\""},
        Case{"BuildsDigest",
             application("{workloads: {web: {score: {containers: {main: {image: a/b}}}, builds: {image: "
                         "'a/b@sha256:1'}}}}"),
             "spec.workloads.web.builds.image: must be a repository without tag or digest; leave out "
             "\"@sha256:1\""},
        Case{"BuildsWhichContainer", application(std::string(kTwoContainers) + "{image: a/b}}}}"),
             "spec.workloads.web.builds.container: is missing: say which container's image the builds "
             "replace; there "
             "is: one, two"},
        Case{"BuildsUnknownContainer",
             application(std::string(kTwoContainers) + "{image: a/b, container: three}}}}"),
             "spec.workloads.web.builds.container: no container \"three\" in this workload; there is: one, "
             "two"}),
    name_of);

std::string environment(std::string_view spec) {
  return fmt::format("kind: Environment\nmetadata: {{name: prod}}\nspec: {}\n", spec);
}

INSTANTIATE_TEST_SUITE_P(
    Environment, Rules,
    testing::Values(
        Case{"Empty", environment("{}"), "accepted"},
        Case{"After", environment("{builds: {after: {environment: dev, healthyFor: 30m}}}"), "accepted"},
        Case{"Selector", environment("{regions: {selector: 'tier=='}}"), "accepted"},
        Case{"WrongSelector", environment("{regions: {selector: 'tier in prod'}}"),
             "spec.regions.selector: \"tier in prod\" is not a label selector: after \"in\" come values in "
             "parentheses; write for example \"tier=prod,geo in (eu,us)\""},
        Case{"Count", environment("{regions: {count: 5000}}"),
             "spec.regions.count: is 5000; at most 1000 are allowed"},
        Case{"SpreadBy", environment("{regions: {spreadBy: 'a b'}}"),
             "spec.regions.spreadBy: \"a b\" is not a label's name: letters, digits, -, _ and . only, at "
             "most 63, with "
             "an optional prefix like example.com/"},
        Case{"EmptyProfile", environment("{profiles: ['']}"), "spec.profiles[0]: is missing"},
        Case{"By", environment("{builds: {by: aproval}}"),
             "spec.builds.by: \"aproval\" is not one of: auto, approval; did you mean \"approval\"?"},
        Case{"ByAndAfter", environment("{builds: {by: approval, after: {environment: dev}}}"),
             "spec.builds.after: cannot stand beside \"by: approval\"; choose one of the two"},
        Case{"AfterNothing", environment("{builds: {after: {healthyFor: 30m}}}"),
             "spec.builds.after.environment: is missing"},
        Case{"AfterItself", environment("{builds: {after: {environment: prod}}}"),
             "spec.builds.after.environment: is this environment itself"},
        Case{"HealthyFor", environment("{builds: {after: {environment: dev, healthyFor: half an hour}}}"),
             "spec.builds.after.healthyFor: \"half an hour\" is not a duration; write for example 30s, 10m "
             "or 1h30m"},
        Case{"UnusedAfter", environment("{unusedAfter: 10}"),
             "spec.unusedAfter: \"10\" is not a duration; write for example 30s, 10m or 1h30m"}),
    name_of);

std::string profile(std::string_view extra, std::string_view type = "postgres") {
  return fmt::format(
      "kind: Profile\nmetadata: {{name: pg}}\nspec: {{satisfies: {{type: {}}}, provider: container, {}}}\n",
      type, extra);
}

INSTANTIATE_TEST_SUITE_P(
    Profile, Rules,
    testing::Values(
        Case{"Empty", "kind: Profile\nmetadata: {name: pg}\n",
             "spec.satisfies.type: is missing\nspec.provider: is missing"},
        Case{"Scope", profile("scope: app"),
             "spec.scope: \"app\" is not one of: workload, application, environment, region"},
        Case{"ScopeNear", profile("scope: regional"),
             "spec.scope: \"regional\" is not one of: workload, application, environment, region; did you "
             "mean "
             "\"region\"?"},
        Case{"UnknownParam",
             profile("template: {image: '${params.imag}'}, parameters: {image: {type: string}}"),
             "${params.imag}: no parameter \"imag\" in this profile; there is: image"},
        Case{"WorkloadParams",
             profile("template: {s: '${params.score}', r: '${params.replicas}'}", "workload"), "accepted"},
        Case{"WorkloadParamsElsewhere", profile("template: {s: '${params.score}'}"),
             "${params.score}: no parameter \"score\" in this profile; there is none"},
        Case{"NotRequired",
             profile("requires: {data: {type: volume}}, template: {v: '${requires.date.name}'}"),
             "${requires.date.name}: \"date\" is not under requires; there is: data"},
        Case{"RequiredWhat", profile("requires: {data: {type: volume}}, template: {v: '${requires.data}'}"),
             "${requires.data}: name an output, for example ${requires.data.name}"},
        Case{"RequireNoType", profile("requires: {data: {params: {size: 1Gi}}}"),
             "spec.requires.data.type: is missing"},
        Case{"RequireId",
             profile("requires: {data: {type: volume, id: '${params.name}'}}, parameters: {name: {}}"),
             "accepted"},
        Case{"OperatorIsAFlag", profile("parameters: {image: {type: string, operator: 'yes'}}"),
             "spec.parameters.image.operator: must be true or false"},
        Case{"Askers",
             profile("askers: {workloads: true, roles: [platform]}, parameters: {image: {operator: true}}"),
             "accepted"},
        Case{"RolesOfNobody", profile("askers: {workloads: false, roles: [platform]}"),
             "spec.askers.roles: has no meaning where workloads may not ask: leave it out, or set workloads: "
             "true"},
        Case{"RequireParams", profile("requires: {data: {type: volume, params: {size: '${params.size}'}}}"),
             "${params.size}: no parameter \"size\" in this profile; there is none"},
        Case{
            "SelfInTemplate", profile("template: {a: '${self.address}'}"),
            "${self.address}: a placeholder here starts with one of: params, requires, resources, generated, "
            "variables, metadata; for a plain \"${\" write $${"},
        Case{"SelfInOutputs", profile("outputs: {host: '${self.address}', p: '${generated.password}'}"),
             "accepted"},
        Case{"Root", profile("outputs: {host: '${selv.address}'}"),
             "${selv.address}: a placeholder here starts with one of: self, params, requires, resources, "
             "generated, "
             "variables, metadata; for a plain \"${\" write $${"},
        Case{"ResourcesElsewhere", profile("template: {a: '${resources.db.host}'}"),
             "${resources.db.host}: resources are known in profiles of type workload only; use requires"},
        Case{"GeneratedWhat", profile("template: {a: '${generated}'}"),
             "${generated}: name one, for example ${generated.name}"},
        Case{"WhenUnused", profile("whenUnused: {after: soon, do: keep}"),
             "spec.whenUnused.after: \"soon\" is not a duration; write for example 30s, 10m or 1h30m\n"
             "spec.whenUnused.do: \"keep\" is not one of: delete, retain"},
        Case{"KeepsData", profile("keepsData: true"), "accepted"},
        Case{"KeepsNoDataAndRetains", profile("keepsData: false, whenUnused: {do: retain}"),
             "spec.keepsData: false says that nobody would miss it, and whenUnused.do that it is retained; "
             "leave one "
             "of them out"},
        Case{"Regions", profile("regions: 'a in'"),
             "spec.regions: \"a in\" is not a label selector: after \"in\" come values in parentheses; write "
             "for "
             "example \"tier=prod,geo in (eu,us)\""},
        Case{"ParameterNoSchema", profile("parameters: {version: string}"),
             "spec.parameters.version: must be a JSON Schema, for example {type: string, default: \"15\"}"},
        Case{"ParameterKeyword", profile("parameters: {version: {type: string, defualt: '15'}}"),
             "spec.parameters.version.defualt: is not taken here; did you mean \"default\"?"},
        Case{"ParameterType", profile("parameters: {version: {type: int}}"),
             "spec.parameters.version.type: \"int\" is not one of: string, integer, number, boolean, object, "
             "array"},
        Case{"ParameterDefault", profile("parameters: {version: {type: string, default: 15}}"),
             "spec.parameters.version.default: must be a text, not 15"},
        Case{"ParameterEnum", profile("parameters: {version: {type: integer, enum: ['15']}}"),
             "spec.parameters.version.enum[0]: must be a whole number, not \"15\""},
        Case{"ParameterDefaultNotInEnum",
             profile("parameters: {v: {type: string, enum: ['15'], default: '16'}}"),
             "spec.parameters.v.default: \"16\" is not one of: \"15\"; did you mean \"15\"?"},
        Case{"ParameterPattern", profile("parameters: {v: {type: string, pattern: '(a'}}"),
             "spec.parameters.v.pattern: is not a regular expression: missing ): (a"},
        Case{"ParameterServicePort", profile("parameters: {p: {format: service-port, default: http}}"),
             "accepted"},
        Case{"ParameterServicePortAsText", profile("parameters: {p: {format: service-port, default: '80'}}"),
             "spec.parameters.p.default: must be a port's number or name, and \"80\" is a text; write 80"},
        Case{"ParameterServicePortTooLarge",
             profile("parameters: {p: {format: service-port, default: 70000}}"),
             "spec.parameters.p.default: must be a port from 1 to 65535, or the name of one, not 70000"},
        Case{"ParameterFormat", profile("parameters: {p: {format: uri}}"),
             "spec.parameters.p.format: \"uri\" is not one of: service-port"},
        Case{"ParameterMinimum", profile("parameters: {v: {type: integer, minimum: one}}"),
             "spec.parameters.v.minimum: must be a number"}),
    name_of);

INSTANTIATE_TEST_SUITE_P(
    Others, Rules,
    testing::Values(
        Case{"LabelKey", "kind: Region\nmetadata: {name: a, labels: {'a b': c}}\n",
             "metadata.labels[\"a b\"]: \"a b\" is not a label's name: letters, digits, -, _ and . only, at "
             "most 63, "
             "with an optional prefix like example.com/"},
        Case{"LabelValue", "kind: Region\nmetadata: {name: a, labels: {a: 'b c'}}\n",
             "metadata.labels.a: \"b c\" is not a label's value: letters, digits, -, _ and . only, at most "
             "63"},
        Case{"LabelNumber", "kind: Region\nmetadata: {name: a, labels: {a: 15}}\n", "accepted"},
        Case{"Capacity",
             "kind: Region\nmetadata: {name: a}\nspec: {capacity: {cpu: 8, memory: 32GB, gpu: many}}\n",
             "spec.capacity.memory: \"32GB\" is not an amount of memory; write for example 512M or 1.5Gi"},
        Case{"AccountNoRole", "kind: ServiceAccount\nmetadata: {name: a}\n", "spec.role: is missing"},
        Case{"RoleNoRules", "kind: Role\nmetadata: {name: a}\n",
             "spec.rules: is missing; a role allows something"},
        Case{"RoleEmptyRule", "kind: Role\nmetadata: {name: a}\nspec: {rules: [{}]}\n",
             "spec.rules[0].kinds: is missing\nspec.rules[0].verbs: is missing"},
        Case{"RoleKind",
             "kind: Role\nmetadata: {name: a}\nspec: {rules: [{kinds: [application], verbs: [get]}]}\n",
             "spec.rules[0].kinds[0]: \"application\" is no kind; did you mean \"applications\"?"},
        Case{"RoleVerb", "kind: Role\nmetadata: {name: a}\nspec: {rules: [{kinds: ['*'], verbs: ['GET']}]}\n",
             "spec.rules[0].verbs[0]: \"GET\" is no verb; write for example get, list or update, or *"},
        Case{"BindingEmpty", "kind: RoleBinding\nmetadata: {name: a}\n",
             "spec.role: is missing\nspec.subjects: is missing"},
        Case{"BindingSubject", "kind: RoleBinding\nmetadata: {name: a}\nspec: {role: r, subjects: [alice]}\n",
             "spec.subjects[0]: \"alice\" is no subject; write serviceaccount:<name>"},
        Case{"SecretKey", "kind: Secret\nmetadata: {name: a}\nspec: {data: {'a/b': hush}}\n",
             "spec.data[\"a/b\"]: a key of a secret has letters, digits, -, _ and . only"},
        Case{"SecretSealed", "kind: Secret\nmetadata: {name: a}\nspec: {data: {k: 'qleet-sealed-1:AQ'}}\n",
             "spec.data.k: begins with \"qleet-sealed-1:\", which is how the hub marks what it has sealed: "
             "give the "
             "value itself"},
        Case{"BuildEmpty", "kind: Build\n",
             "spec.image: is missing\nspec.tag: is missing; give a tag, a digest, or both"},
        Case{"BuildDigest", "kind: Build\nspec: {image: a/b, digest: abc}\n",
             "spec.digest: \"abc\" is not a digest; it is sha256: and 64 hexadecimal digits"},
        Case{"BuildTag", "kind: Build\nspec: {image: a/b, tag: 'a b'}\n",
             "spec.tag: \"a b\" is not an image's tag"}),
    name_of);

TEST(Build, ItsBodyIsCheckedAlone) {
  qleet::v1::BuildSpec build;
  build.set_image("a/b:c");
  build.set_tag("main-1");
  const auto errors = validate(build);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(describe(errors[0]), "image: must be a repository without tag or digest; leave out \":c\"");
  build.set_image("a/b");
  build.set_digest("sha256:" + std::string(64, 'a'));
  EXPECT_TRUE(validate(build).empty());
}

TEST(Numbers, AreBounded) {
  qleet::v1::Application application;
  application.mutable_metadata()->set_name("shop");
  auto& workloads = *application.mutable_spec()->mutable_workloads();
  for (int i = 0; i < 101; ++i) {
    (*workloads[fmt::format("w{}", i)].mutable_score()->mutable_containers())["main"].set_image("a/b");
  }
  auto errors = validate(application);
  ASSERT_EQ(errors.size(), 1u);
  EXPECT_EQ(describe(errors[0]), "spec.workloads: has 101 workloads; at most 100 are allowed");

  workloads.clear();
  auto& containers = *workloads["web"].mutable_score()->mutable_containers();
  for (int i = 0; i < 51; ++i) containers[fmt::format("c{}", i)].set_image("a/b");
  for (int i = 0; i < 501; ++i) (*containers["c1"].mutable_variables())[fmt::format("V{}", i)] = "x";
  (*containers["c2"].mutable_variables())["LONG"] = std::string(128 * 1024 + 1, 'x');
  errors = validate(application);
  ASSERT_EQ(errors.size(), 3u);
  EXPECT_EQ(describe(errors[0]),
            "spec.workloads.web.score.containers: has 51 containers; at most 50 are allowed");
  EXPECT_EQ(describe(errors[1]),
            "spec.workloads.web.score.containers.c1.variables: has 501 variables; at most 500 are allowed");
  EXPECT_EQ(
      describe(errors[2]),
      "spec.workloads.web.score.containers.c2.variables.LONG: has 131073 bytes; at most 131072 are allowed");
}

TEST(Quantity, Memory) {
  EXPECT_EQ(*parse_memory("1"), 1u);
  EXPECT_EQ(*parse_memory("64M"), 64'000'000u);
  EXPECT_EQ(*parse_memory("64Mi"), 64u << 20);
  EXPECT_EQ(*parse_memory("2Ti"), 2ULL << 40);
  EXPECT_EQ(*parse_memory("1.5Gi"), 3ULL << 29);
  EXPECT_EQ(*parse_memory("0.5Gi"), 1ULL << 29);
  EXPECT_EQ(*parse_memory("1.25M"), 1'250'000u);
  EXPECT_EQ(*parse_memory("0.1K"), 100u);
  EXPECT_EQ(*parse_memory("1.0001K"), 1001u);  // rounded up
  EXPECT_EQ(*parse_memory("2P"), 2'000'000'000'000'000u);
  EXPECT_EQ(*parse_memory("1Ei"), 1ULL << 60);
  EXPECT_EQ(*parse_memory("0.1234567890123456789012345Gi"), 132560718u);
  for (const auto* bad : {"", "0", "0.0", "01M", "00.5M", "-1", ".5G", "1.G", "1.5.5G", "1m", "M",
                          "9999999999T", "8Ei", "1 G", "1GiB", "1e3", "0x10"})
    EXPECT_FALSE(parse_memory(bad)) << bad;
}

TEST(Quantity, Cpu) {
  EXPECT_EQ(*parse_cpu("2"), 2000u);
  EXPECT_EQ(*parse_cpu("250m"), 250u);
  EXPECT_EQ(*parse_cpu("0.5"), 500u);
  EXPECT_EQ(*parse_cpu(".25"), 250u);
  EXPECT_EQ(*parse_cpu("1.1250"), 1125u);
  EXPECT_EQ(*parse_cpu("1.0005"), 1001u);  // rounded up
  for (const auto* bad : {"", ".", "1.", "m", "-1", "x", "1e3", "99999999"})
    EXPECT_FALSE(parse_cpu(bad)) << bad;
}

TEST(Warnings, OfWhatMayNotBeMeant) {
  v1::Application application;
  auto& containers =
      *(*application.mutable_spec()->mutable_workloads())["web"].mutable_score()->mutable_containers();
  auto& resources = *containers["main"].mutable_resources();
  resources.mutable_requests()->set_memory("10Gi");
  resources.mutable_limits()->set_memory("128M");
  resources.mutable_requests()->set_cpu("250m");
  resources.mutable_limits()->set_cpu("0.25");
  auto& volume = *containers["main"].add_volumes();
  volume.set_source("uploads");
  volume.set_target("/uploads");
  EXPECT_EQ(
      warnings(application),
      (std::vector<std::string>{
          "workload \"web\": volume \"uploads\" is none of its resources; it is made as if resources had "
          "uploads: {type: volume}",
          "workload \"web\", container \"main\": requests.memory 10Gi is more than limits.memory 128M; the "
          "limit counts"}));
}

// Every part of the published schema at once.
TEST(ScoreSchema, AllThatItAllowsIsTaken) {
  EXPECT_EQ(refused(R"(apiVersion: score.dev/v1b1
metadata:
  name: all-of-it
  extra: {any: [thing, 1, null]}
  annotations: {example.com/Some-Key_1.2: "text", plain: ""}
service:
  ports:
    http: {port: 80, targetPort: 8080}
    gelf-tcp: {port: 5000, protocol: TCP}
    gelf-udp: {port: 5000, protocol: UDP}
containers:
  migrate:
    image: registry.example:5000/team/app:1@sha256:0000000000000000000000000000000000000000000000000000000000000000
    command: [/bin/migrate, "--to=latest"]
    args: []
  main:
    image: app
    before: {migrate: {ready: complete}, side-1: {ready: healthy}}
    variables: {discovery.type: single-node, EMPTY: "", COST: "$$5", FROM: "${metadata.extra.any}"}
    files:
      /etc/app/a.conf: {content: "listen ${metadata.name} $${keep}\n", mode: "0644"}
      /etc/app/b.tmpl: {content: "${request_uri}\n", noExpand: true}
      /etc/app/c.bin: {binaryContent: AAH/gA==, mode: "600"}
      "/etc/with space/ünï.txt": {content: "no newline at end", mode: "0444"}
    volumes:
      /project: {source: "${resources.src}"}
      /project/node_modules: {source: cache, path: sub/dir, readOnly: true}
    resources: {limits: {memory: 0.5Gi, cpu: 0.25}, requests: {memory: 1.5Gi, cpu: 10m}}
    readinessProbe: {httpGet: {path: /, port: 8080, httpHeaders: [{name: X-Probe, value: "1"}]}}
    livenessProbe:
      httpGet: {host: 127.0.0.1, scheme: HTTPS, path: live, port: 8443}
      exec: {command: [/bin/true]}
  side-1:
    image: side
    before: {migrate: {ready: started}}
resources:
  src: {type: volume, id: shared.sources.v1}
  cache: {type: volume, class: Fast-1, metadata: {annotations: {example.com/note: "x"}, extra: 1}}
  other: {type: Some-Type, params: {a: {b: ["${resources.src.name}", 1, null]}}}
)"),
            "accepted");
}

// What the project ships passes its own door.
TEST(Shipped, ExamplesAndProfilesAreValid) {
  int files = 0;
  for (const auto* folder : {"examples", "profiles"}) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(std::string(QLEET_SOURCE_DIR "/") + folder)) {
      if (entry.path().extension() != ".yaml") continue;
      std::ifstream file(entry.path());
      std::stringstream text;
      text << file.rdbuf();
      EXPECT_EQ(refused(text.str()), "accepted") << entry.path();
      ++files;
    }
  }
  EXPECT_GE(files, 5);
}

}  // namespace
}  // namespace qleet::model
