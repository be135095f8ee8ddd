import { isIPv4, isIPv6, SocketAddress } from 'node:net'

/** An IP address that was read. */
export type IpAddress =
  | { readonly family: 'ipv4'; readonly address: string }
  | {
      readonly family: 'ipv6'
      /** In canonical form, without zone. */
      readonly address: string
      /** Eight, from 0 to 65535. */
      readonly groups: readonly number[]
      /** The link that a link-local address is of; empty for all others. */
      readonly zone: string
    }

/**
 * Reads an address as sockets give it. An IPv4 address that came mapped into IPv6, as it does where one socket
 * listens for both, is that IPv4 address (RFC 4291, section 2.5.5.2). Undefined when `text` is no address.
 */
export function parseAddress(text: string): IpAddress | undefined {
  if (isIPv4(text)) return { family: 'ipv4', address: text }
  if (!isIPv6(text)) return undefined
  const [plain = '', zone = ''] = text.split('%', 2)
  const groups = groupsOf(plain)
  if (isMapped(groups)) return { family: 'ipv4', address: dotted(groups) }
  return { family: 'ipv6', address: formatGroups(groups), groups, zone: isLinkLocal(groups) ? zone : '' }
}

/** Bits of an IPv6 address before those of a mapped IPv4 one. */
export const mappedPrefixBits = 96

/**
 * What the connections of an address are counted under.
 *
 * Whoever has IPv6 at all usually has a /64 of it, and may connect from each of its 2^64 addresses in turn: a limit
 * by address would limit nobody. Two kinds of address are told apart whatever the prefix is: those of a link, since
 * all its neighbours share one prefix, and this machine's own.
 *
 * @param prefixBits how much of an IPv6 address tells hosts apart, from 1 to 128
 */
export function hostOf(ip: IpAddress, prefixBits: number): string {
  if (ip.family === 'ipv4') return ip.address
  const { address, groups, zone } = ip
  if (isLinkLocal(groups)) return zone === '' ? address : `${address}%${zone}`
  if (prefixBits === 128 || address === '::1') return address
  const masked = groups.map((group, at) => {
    const bits = Math.min(16, Math.max(0, prefixBits - 16 * at))
    return group & (0xffff << (16 - bits)) & 0xffff
  })
  return `${formatGroups(masked)}/${prefixBits}`
}

/** The groups of a valid address without zone. */
function groupsOf(text: string): number[] {
  const [head = '', tail] = text.split('::', 2)
  const before = wordsOf(head)
  if (tail === undefined) return before
  const after = wordsOf(tail)
  return [...before, ...new Array<number>(8 - before.length - after.length).fill(0), ...after]
}

function wordsOf(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((part) => {
    if (!part.includes('.')) return [Number.parseInt(part, 16)]
    const [a = 0, b = 0, c = 0, d = 0] = part.split('.').map(Number)
    return [a * 256 + b, c * 256 + d]
  })
}

function isMapped(groups: readonly number[]): boolean {
  return groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)
}

/** fe80::/10 (RFC 4291, section 2.4). */
function isLinkLocal([first = 0]: readonly number[]): boolean {
  return (first & 0xffc0) === 0xfe80
}

function dotted(groups: readonly number[]): string {
  return groups
    .slice(6)
    .flatMap((group) => [group >> 8, group & 0xff])
    .join('.')
}

/** In the form of RFC 5952. */
function formatGroups(groups: readonly number[]): string {
  const address = groups.map((group) => group.toString(16)).join(':')
  return new SocketAddress({ address, family: 'ipv6' }).address
}
