import { isIPv6 } from 'node:net'

/** Where a protocol listens, or that it does not. */
export type ListenAddress = 'off' | { readonly host: string; readonly port: number }

/** What {@link parseListenAddress} accepts, for people. */
export const listenAddressForm = 'host:port, [ipv6]:port or off'

/** Reads `host:port`, `[ipv6]:port` or `off`. Undefined when `text` is none of them. */
export function parseListenAddress(text: string): ListenAddress | undefined {
  if (text === 'off') return 'off'
  const match = /^(?:\[(?<ipv6>[^\]]+)\]|(?<name>[^:[\]\s]+)):(?<port>\d{1,5})$/.exec(text)
  if (match === null) return undefined
  const { ipv6, name, port } = match.groups ?? {}
  const host = ipv6 ?? name
  if (host === undefined || Number(port) > 65_535) return undefined
  if (ipv6 !== undefined && !isIPv6(ipv6)) return undefined
  return { host, port: Number(port) }
}

/** The reverse of {@link parseListenAddress}. */
export function formatListenAddress(address: ListenAddress): string {
  if (address === 'off') return 'off'
  return `${isIPv6(address.host) ? `[${address.host}]` : address.host}:${String(address.port)}`
}
