import { BlockList } from 'node:net'
import { type IpAddress, mappedPrefixBits, parseAddress } from './address.ts'
import { refuseOption } from './errors.ts'

/** Whether an address is among those that were named. */
export type AllowList = (ip: IpAddress) => boolean

/**
 * Reads addresses and subnets (`10.0.0.1`, `10.0.0.0/8`, `2001:db8::/32`). Where a subnet is given by one of its
 * addresses, it is that subnet.
 *
 * @throws ConnectionLimitsError `CONNECTION_LIMITS_INVALID`
 */
export function createAllowList(entries: readonly string[]): AllowList {
  if (entries.length === 0) return () => false
  const list = new BlockList()
  for (const entry of entries) addEntry(list, entry)
  return ({ address, family }) => list.check(address, family)
}

function addEntry(list: BlockList, entry: string): void {
  const [text = '', bits, ...more] = entry.split('/')
  // A list knows no links.
  const ip = text.includes('%') ? undefined : parseAddress(text)
  if (ip === undefined || more.length > 0) refuse(entry)
  if (bits === undefined) {
    list.addAddress(ip.address, ip.family)
    return
  }
  // A subnet of mapped addresses is one of IPv4.
  const offset = ip.family === 'ipv4' && text.includes(':') ? mappedPrefixBits : 0
  const prefix = /^\d{1,3}$/.test(bits) ? Number(bits) - offset : -1
  if (prefix < 0 || prefix > (ip.family === 'ipv4' ? 32 : 128)) refuse(entry)
  list.addSubnet(ip.address, prefix, ip.family)
}

function refuse(entry: string): never {
  refuseOption(`allow: expected IP addresses or CIDR such as 10.0.0.0/8, got ${JSON.stringify(entry)}`)
}
