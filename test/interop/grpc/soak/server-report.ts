import type { GrpcServerStats } from '@orrery/grpc-server'

/** What the server process says first. */
export interface ServerReady {
  readonly plainPort: number
  readonly tlsPort: number
}

/** What it says when it is asked. */
export interface ServerState extends GrpcServerStats {
  /** Unit: bytes. */
  readonly residentBytes: number
  /** What is reachable after a full collection, within V8 and outside of it. Unit: bytes. */
  readonly heapBytes: number
}
