// The fields of this provider's templates, by kind, and what resources of each kind tell. The parser
// (template.h) takes these fields and no others; schema() tells them to hubs.
#pragma once

#include "common/template/shape.h"
#include "providers/api/provider.h"

namespace qleet::container {

namespace shapes {

using templates::Field;
using templates::Shape;
using enum templates::FieldType;

inline constexpr Field kFileFields[] = {{"target"}, {"content"}, {"binaryContent"}, {"mode"}};
inline constexpr Shape kFile{kFileFields};

inline constexpr Field kMountFields[] = {{"name"}, {"readOnly", kFlag}};
inline constexpr Shape kMount{kMountFields};

inline constexpr Field kPortFields[] = {
    {"port", kNumber}, {"protocol"}, {"publish", kFlag}, {"hostPort", kNumber}, {"hostIp"}};
inline constexpr Shape kPort{kPortFields};

inline constexpr Field kHttpCheckFields[] = {
    {"port", kNumber}, {"path"}, {"host"}, {"scheme"}, {"headers", kMap}};
inline constexpr Shape kHttpCheck{kHttpCheckFields};

inline constexpr Field kCheckFields[] = {{"http", kObject, &kHttpCheck},
                                         {"tcp", kNumber},
                                         {"exec", kTexts},
                                         {"interval", kTime},
                                         {"timeout", kTime},
                                         {"failures", kNumber}};
inline constexpr Shape kCheck{kCheckFields};

inline constexpr Field kLimitsFields[] = {{"nofile", kNumber}, {"nproc", kNumber}};
inline constexpr Shape kLimits{kLimitsFields};

inline constexpr Field kHostFields[] = {{"kind"}, {"subnet"}, {"address"}};
inline constexpr Shape kHost{kHostFields};

inline constexpr Field kVolumeFields[] = {{"kind"}, {"size", kSize}};
inline constexpr Shape kVolume{kVolumeFields};

inline constexpr Field kContainerFields[] = {{"kind"},
                                             {"image"},
                                             {"command", kTexts},
                                             {"args", kTexts},
                                             {"env", kMap},
                                             {"secrets", kMap},
                                             {"secretsAs"},
                                             {"files", kMapOrObjects, &kFile},
                                             {"volumes", kMapOfObjects, &kMount},
                                             {"tmpfs", kTexts},
                                             {"user"},
                                             {"workingDir"},
                                             {"memory", kSize},
                                             {"cpu", kProcessors},
                                             {"shmSize", kSize},
                                             {"ulimits", kObject, &kLimits},
                                             {"ports", kListOfObjects, &kPort},
                                             {"health", kObject, &kCheck},
                                             {"network"},
                                             {"alias"},
                                             {"stopGrace", kTime},
                                             {"startWithin", kTime}};
inline constexpr Shape kContainer{kContainerFields};

inline constexpr Field kWorkloadFields[] = {
    {"kind"},         {"score", kDocument}, {"replicas", kNumber},  {"name"},  {"network"},
    {"drain", kTime}, {"stopGrace", kTime}, {"startWithin", kTime}, {"update"}};
inline constexpr Shape kWorkload{kWorkloadFields};

inline constexpr Field kExecFields[] = {
    {"kind"},          {"container"},    {"env", kMap},         {"secrets", kMap},     {"user"},
    {"check", kTexts}, {"data", kTexts}, {"create", kCommands}, {"delete", kCommands}, {"timeout", kTime}};
inline constexpr Shape kExec{kExecFields};

}  // namespace shapes

TemplateSchema schema();

}  // namespace qleet::container
