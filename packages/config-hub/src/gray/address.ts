import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Bits of an address: IPv4, or IPv6. */
export type AddressWidth = 32 | 128

/** An address as a number. IPv4 in the clothes of IPv6 (`::ffff:10.1.2.3`) is IPv4. */
export interface Address {
  readonly width: AddressWidth
  readonly value: bigint
}

/** Addresses that begin with the same bits. */
export interface Network extends Address {
  /** How many bits. */
  readonly prefix: number
}

/** How many bits of an IPv6 address say that it is one of IPv4. Source: RFC 4291, section 2.5.5.2. */
const mappedBits = 96

/** @returns undefined: it is no address. The zone of a link (`%eth0`) says nothing elsewhere, and is left out. */
export function parseAddress(text: string): Address | undefined {
  const parsed = parse(text)
  return parsed === undefined ? undefined : addressOf(parsed)
}

/**
 * An address in the one form that everybody writes it in. Source: RFC 5952.
 *
 * @returns undefined: it is none
 */
export function canonicalAddress(text: string): string | undefined {
  const parsed = parse(text)
  return parsed === undefined ? undefined : textOf(parsed)
}

/**
 * A network, such as `10.1.0.0/16`, or an address, which is one of its own.
 *
 * @returns undefined: it is neither
 */
export function parseNetwork(text: string): Network | undefined {
  const [base = '', length, ...rest] = text.split('/')
  if (rest.length > 0 || base.includes('%')) return undefined
  const address = parseAddress(base)
  if (address === undefined) return undefined
  if (length === undefined) return { ...address, prefix: address.width }
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length)) return undefined
  const isMapped = address.width === 32 && base.includes(':')
  const prefix = isMapped ? Number(length) - mappedBits : Number(length)
  if (prefix < 0 || prefix > address.width) return undefined
  return { width: address.width, prefix, value: networkValue(address, prefix) << hostBits(address, prefix) }
}

/** A network in the one form that everybody writes it in: what is behind its prefix is zero. A single address has no prefix. */
export function networkText({ width, value, prefix }: Network): string {
  const bytes = Array.from({ length: width / 8 }, (_, at) =>
    Number((value >> BigInt(width - 8 * (at + 1))) & 0xffn),
  )
  const text = textOf(ipaddr.fromByteArray(bytes))
  return prefix === width ? text : `${text}/${prefix}`
}

/** Networks in which addresses are looked up: one look for each length of prefix, however many networks there are. */
export class NetworkSet {
  readonly #values: Readonly<Record<AddressWidth, Map<number, Set<bigint>>>> = {
    32: new Map(),
    128: new Map(),
  }

  constructor(networks: Iterable<Network>) {
    for (const network of networks) {
      const byPrefix = this.#values[network.width]
      const values = byPrefix.get(network.prefix) ?? new Set()
      byPrefix.set(network.prefix, values.add(networkValue(network, network.prefix)))
    }
  }

  /** IPv4 is in no network of IPv6, not even in the one of all addresses. */
  has(address: Address): boolean {
    for (const [prefix, values] of this.#values[address.width]) {
      if (values.has(networkValue(address, prefix))) return true
    }
    return false
  }
}

function networkValue(address: Address, prefix: number): bigint {
  return address.value >> hostBits(address, prefix)
}

function hostBits({ width }: Address, prefix: number): bigint {
  return BigInt(width - prefix)
}

type ParsedAddress = ReturnType<typeof ipaddr.process>

function parse(text: string): ParsedAddress | undefined {
  // Node decides what is one: the parser takes what nobody writes any more as well, such as 10.1 or 012.0.0.1.
  if (isIP(text) === 0) return undefined
  const [address = ''] = text.split('%', 1)
  return ipaddr.process(address.includes(':') ? withoutDots(address) : address)
}

/** The parser takes `::10.1.2.3`, which nobody uses any more, for `::ffff:10.1.2.3`. In digits, both are what they are. */
function withoutDots(address: string): string {
  return address.replace(/(\d+)\.(\d+)\.(\d+)\.(\d+)$/, (_, ...octets: string[]) => {
    const [first = 0, second = 0, third = 0, fourth = 0] = octets.map(Number)
    return `${((first << 8) | second).toString(16)}:${((third << 8) | fourth).toString(16)}`
  })
}

function addressOf(parsed: ParsedAddress): Address {
  const bytes = parsed.toByteArray()
  const value = bytes.reduce((before, byte) => (before << 8n) | BigInt(byte), 0n)
  return { width: bytes.length === 4 ? 32 : 128, value }
}

function textOf(parsed: ParsedAddress): string {
  return 'toRFC5952String' in parsed ? parsed.toRFC5952String() : parsed.toString()
}
