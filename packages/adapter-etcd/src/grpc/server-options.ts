import type { ServerOptions } from '@grpc/grpc-js'
import { etcdServicesDefaults, requestOverheadBytes, type EtcdServicesOptions } from '../services/options.ts'

/**
 * Options for the grpc-js server that etcd's services run on: a request may be as long as the largest write
 * and some overhead, a longer one is refused with `RESOURCE_EXHAUSTED`; responses are as long as they are.
 */
export function etcdServerOptions({
  requestMaxBytes = etcdServicesDefaults.requestMaxBytes,
}: Pick<EtcdServicesOptions, 'requestMaxBytes'> = {}): ServerOptions {
  return {
    'grpc.max_receive_message_length': requestMaxBytes + requestOverheadBytes,
    'grpc.max_send_message_length': -1,
  }
}
