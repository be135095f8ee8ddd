import type { ServerOptions } from '@grpc/grpc-js'
import type { GrpcServerOptions } from '@orrery/grpc-server'
import { etcdServicesDefaults, requestOverheadBytes, type EtcdServicesOptions } from '../services/options.ts'

/**
 * Options for the server that etcd's services run on, of `@orrery/grpc-server` or of grpc-js (which ignores the last
 * one): a request may be as long as the largest write and some overhead, a longer one is refused with
 * `RESOURCE_EXHAUSTED`; responses are as long as they are. Silent clients are asked every two hours whether they are
 * there, and may themselves ask every five seconds, as etcd has it.
 */
export function etcdServerOptions({
  requestMaxBytes = etcdServicesDefaults.requestMaxBytes,
}: Pick<EtcdServicesOptions, 'requestMaxBytes'> = {}): ServerOptions &
  Pick<GrpcServerOptions, 'pingMinIntervalMs'> {
  return {
    'grpc.max_receive_message_length': requestMaxBytes + requestOverheadBytes,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': 7_200_000,
    'grpc.keepalive_timeout_ms': 20_000,
    pingMinIntervalMs: 5_000,
  }
}
