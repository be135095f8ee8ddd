import type { PeerOptions, ReferenceServerOptions } from '../src/options.ts'

/** Where tests listen: at a free port. */
export const anyPort = { host: '127.0.0.1', port: 0 } as const

/** A server for etcd clients alone, in memory. */
export const inMemory: ReferenceServerOptions = {
  name: 'test',
  dataDir: undefined,
  logLevel: 'silent',
  listenClient: anyPort,
  grpcServer: 'fast',
  listenEureka: 'off',
  listenHttp: 'off',
  eurekaNamespace: 'default',
  hasSelfRegistration: true,
  configHub: undefined,
  connectionLimits: { totalMax: Infinity, perHostMax: Infinity, allow: [] },
  autoCompaction: undefined,
  peer: undefined,
}

/** A cluster of one, to begin with. */
export const alone: PeerOptions = {
  listen: anyPort,
  advertise: undefined,
  initialCluster: undefined,
  initialClusterToken: undefined,
  join: undefined,
  forceNewCluster: false,
  hasThread: false,
  corruptionCheck: { atStart: false, intervalMs: 0, compactionIntervalMs: 0 },
  tls: undefined,
  startsInOrder: false,
  advertiseHttp: undefined,
  heartbeatRedis: undefined,
}
