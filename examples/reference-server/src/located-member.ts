import type { Environment } from '@orrery/environment'
import { type ClusterOrigin, type MemberOptions, type OpenedMember, openMember } from '@orrery/store'
import { createTcpTransport, type TlsCredentials } from '@orrery/transport-tcp'
import type { HostAndPort } from './probe-port.ts'

/** A member whose addresses and files have been found: all that a thread needs to open it. */
export interface LocatedMember {
  readonly directory: string
  readonly name: string
  readonly listen: HostAndPort
  /** Peers reach it there. */
  readonly advertise: string
  readonly peerAddresses: readonly string[]
  readonly origin: ClusterOrigin
  readonly forceNewCluster: boolean
  readonly clientUrls: readonly string[]
  readonly corruptionCheck: MemberOptions['corruptionCheck']
  readonly tls?: TlsCredentials
}

/**
 * Opens a member on the loop of the thread that calls this.
 *
 * @throws StoreError as `openMember`
 */
export async function openLocatedMember(
  { listen, advertise, tls, corruptionCheck, ...member }: LocatedMember,
  environment: Environment,
): Promise<OpenedMember> {
  const parts = { environment, ...(tls === undefined ? {} : { tls }) }
  return await openMember(
    {
      ...member,
      // Who joins asks before it is somebody who can be asked.
      transport: (purpose) =>
        purpose === 'member'
          ? createTcpTransport({ listen, advertise, ...parts })
          : createTcpTransport({ listen: { host: '127.0.0.1', port: 0 }, ...parts }),
      environment,
    },
    { corruptionCheck },
  )
}
