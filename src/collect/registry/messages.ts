/**
 * What is read of the messages of two public interfaces: the kubelet's pod-resources (v1) and
 * containerd's namespaces and containers (v1). Fields that are not named here are passed over.
 */
export const MESSAGES = `
syntax = "proto3";
package assay;

message Nothing {}

message PodResources {
  repeated Pod pods = 1;
  message Pod {
    string name = 1;
    string namespace = 2;
    repeated Container containers = 3;
  }
  message Container {
    string name = 1;
    repeated Devices devices = 2;
  }
  message Devices {
    string resource = 1;
    repeated string ids = 2;
  }
}

message Namespaces {
  repeated Namespace namespaces = 1;
  message Namespace {
    string name = 1;
  }
}

message Containers {
  repeated Container containers = 1;
  message Container {
    string id = 1;
    map<string, string> labels = 2;
    string image = 3;
  }
}
`;
