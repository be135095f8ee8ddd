import { TransportError } from '@orrery/raft-node'

/** Where to connect to, or to listen. */
export interface HostAndPort {
  readonly host: string
  readonly port: number
}

/** `host:port`, with brackets around an IPv6 host. */
export function formatAddress({ host, port }: HostAndPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** @throws TransportError `TRANSPORT_UNREACHABLE` when it is not `host:port` */
export function parseAddress(address: string): HostAndPort {
  const match = /^(?:\[([0-9a-fA-F:.%\w]+)\]|([^\s:[\]]+)):(\d{1,5})$/.exec(address)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  if (host === undefined || port < 1 || port > 65_535) {
    throw new TransportError('TRANSPORT_UNREACHABLE', `${JSON.stringify(address)} is not host:port`)
  }
  return { host, port }
}
