import { type Metadata, Server, ServerCredentials, type ServerUnaryCall } from "@grpc/grpc-js";
import protobuf from "protobufjs";

/** The public interfaces with more of their fields than are read, so that numbers are checked, too. */
const MESSAGES = `
syntax = "proto3";
message Empty {}
message ListPodResourcesResponse { repeated PodResources pod_resources = 1; }
message PodResources { string name = 1; string namespace = 2; repeated ContainerResources containers = 3; }
message ContainerResources {
  string name = 1;
  repeated ContainerDevices devices = 2;
  repeated int64 cpu_ids = 3;
}
message ContainerDevices {
  string resource_name = 1;
  repeated string device_ids = 2;
  TopologyInfo topology = 3;
}
message TopologyInfo { repeated NUMANode nodes = 1; }
message NUMANode { int64 ID = 1; }
message ListNamespacesResponse { repeated Namespace namespaces = 1; }
message Namespace { string name = 1; map<string, string> labels = 2; }
message ListContainersResponse { repeated Container containers = 1; }
message Container {
  string id = 1;
  map<string, string> labels = 2;
  string image = 3;
  bytes spec = 5;
  string snapshotter = 6;
}
`;
const { root } = protobuf.parse(MESSAGES);

export type Handler = (
  metadata: Metadata,
  answer: (message: object) => void,
  fail: (code: number, details: string) => void,
) => void;

export interface Method {
  path: string;
  response: string;
  handle: Handler;
}

/** A real gRPC server on a Unix socket. @returns what stops it at once */
export async function serveGrpc(socket: string, methods: readonly Method[]): Promise<() => void> {
  const server = new Server({ "grpc.max_send_message_length": -1 });
  for (const { path, response, handle } of methods) {
    const [, service = "", name = ""] = path.split("/");
    const type = root.lookupType(response);
    const definition = {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: (value: Buffer) => value,
      requestDeserialize: (value: Buffer) => value,
      responseSerialize: (value: object) =>
        Buffer.isBuffer(value) ? value : Buffer.from(type.encode(type.fromObject(value)).finish()),
      responseDeserialize: (value: Buffer) => value,
    };
    server.addService(
      { [name]: definition },
      {
        [name]: (
          call: ServerUnaryCall<Buffer, object>,
          done: (error: { code: number; details: string } | null, value?: object) => void,
        ) =>
          handle(
            call.metadata,
            (message) => done(null, message),
            (code, details) => done({ code, details }),
          ),
      },
    );
    if (service === "") throw new Error("a method has a service");
  }
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
      error ? reject(error) : resolve(),
    );
  });
  return () => server.forceShutdown();
}

export interface TestPod {
  name: string;
  namespace: string;
  containers: { name: string; devices?: { resourceName: string; deviceIds: string[] }[] }[];
}

/** The kubelet's method; what it does may be changed while it serves. */
export function kubeletMethod(kubelet: { handle: Handler }): Method {
  return {
    path: "/v1.PodResourcesLister/List",
    response: "ListPodResourcesResponse",
    handle: (...call) => kubelet.handle(...call),
  };
}

export const answering =
  (pods: readonly TestPod[]): Handler =>
  (_, answer) =>
    answer({ podResources: pods });
