import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  canonicalAddress,
  type Network,
  NetworkSet,
  networkText,
  parseAddress,
  parseNetwork,
} from '../../src/gray/address.ts'

const ipv4 = fc.ipV4()
const ipv6 = fc.ipV6()

describe('an address', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['255.255.255.255', '255.255.255.255'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:a01:203', '10.1.2.3'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3'],
    ['::10.1.2.3', '::a01:203'],
    ['64:ff9b::10.1.2.3', '64:ff9b::a01:203'],
    ['::', '::'],
    ['::1', '::1'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['fe80::1%25', 'fe80::1'],
  ])('%s is written as %s', (text, canonical) => {
    expect(canonicalAddress(text)).toBe(canonical)
  })

  test.each([
    '',
    'localhost',
    '10.1',
    '10.1.2',
    '10.1.2.3.4',
    '10.1.2.256',
    '010.1.2.3',
    '0x0a.1.2.3',
    '167838211',
    '10.1.2.3:80',
    ' 10.1.2.3',
    '10.1.2.3/32',
    '[::1]',
    '::1:',
    ':::',
    '1:2:3:4:5:6:7',
    '12345::',
    '10.1.2.3%eth0',
    '::ffff:10.1.2.256',
  ])('is not %j', (text) => {
    expect(canonicalAddress(text)).toBeUndefined()
    expect(parseAddress(text)).toBeUndefined()
  })

  test('is the same however it is written', () => {
    const property = fc.property(fc.oneof(ipv4, ipv6), (text) => {
      const canonical = canonicalAddress(text)
      expect(canonical).toBeDefined()
      expect(canonicalAddress(canonical ?? '')).toBe(canonical)
      expect(parseAddress(canonical ?? '')).toEqual(parseAddress(text))
      expect(canonicalAddress(text.toUpperCase())).toBe(canonical)
    })
    fc.assert(property)
  })
})

describe('a network', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3/32', '10.1.2.3'],
    ['10.1.2.3/16', '10.1.0.0/16'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['255.255.255.255/1', '128.0.0.0/1'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3/112', '10.1.0.0/16'],
    ['::ffff:0:0/96', '0.0.0.0/0'],
    ['2001:DB8::1/32', '2001:db8::/32'],
    ['2001:db8::1/128', '2001:db8::1'],
    ['::1/0', '::/0'],
  ])('%s is written as %s', (text, canonical) => {
    const network = parseNetwork(text)
    expect(network && networkText(network)).toBe(canonical)
  })

  test.each([
    '',
    '/',
    '/8',
    '10.0.0.0/',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/08',
    '10.0.0.0/8.0',
    '10.0.0.0/ 8',
    '10.0.0.0/8/8',
    '10.0.0.0/255.0.0.0',
    '10/8',
    '2001:db8::/129',
    '::ffff:10.0.0.0/95',
    'fe80::%eth0/64',
    'example.com',
  ])('is not %j', (text) => {
    expect(parseNetwork(text)).toBeUndefined()
  })

  test('is the same however it is written', () => {
    const network = fc.oneof(
      fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })),
      fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })),
    )
    const property = fc.property(network, ([address, prefix]) => {
      const parsed = parseNetwork(`${address}/${prefix}`)
      fc.pre(parsed !== undefined)
      expect(parseNetwork(networkText(parsed))).toEqual(parsed)
    })
    fc.assert(property)
  })
})

describe('a set of networks', () => {
  const has = (networks: readonly string[], text: string): boolean => {
    const address = parseAddress(text)
    return address !== undefined && new NetworkSet(networks.map(networkOf)).has(address)
  }

  test('has the addresses that begin as its networks do', () => {
    const networks = ['10.1.0.0/16', '10.2.3.4', '192.168.0.0/23', '2001:db8::/32', '::1']
    const inside = [
      '10.1.0.0',
      '10.1.255.255',
      '::ffff:10.1.2.3',
      '10.2.3.4',
      '192.168.1.255',
      '2001:db8:ffff::',
      '::1',
    ]
    const outside = [
      '10.0.255.255',
      '10.2.0.0',
      '10.2.3.5',
      '192.168.2.0',
      '2001:db7:ffff::',
      '2001:db9::',
      '::',
      '::2',
    ]
    expect(inside.filter((address) => !has(networks, address))).toEqual([])
    expect(outside.filter((address) => has(networks, address))).toEqual([])
  })

  test('does not take IPv4 for IPv6', () => {
    expect(has(['0.0.0.0/0'], '::1')).toBe(false)
    expect(has(['::/0'], '10.1.2.3')).toBe(false)
    expect(has(['::/0'], '::ffff:10.1.2.3')).toBe(false)
  })

  test('has none where there is none', () => {
    expect(has([], '10.1.2.3')).toBe(false)
  })

  test('has what one of its networks has, whatever they are', () => {
    const bits = fc.integer({ min: 0, max: 0xff })
    const network = fc.tuple(bits, fc.integer({ min: 24, max: 32 }))
    const property = fc.property(fc.array(network, { maxLength: 8 }), bits, (networks, last) => {
      const expected = networks.some(([base, prefix]) => base >> (32 - prefix) === last >> (32 - prefix))
      const texts = networks.map(([base, prefix]) => `10.0.0.${base}/${prefix}`)
      expect(has(texts, `10.0.0.${last}`)).toBe(expected)
    })
    fc.assert(property)
  })
})

function networkOf(text: string): Network {
  const network = parseNetwork(text)
  if (network === undefined) throw new Error(`no network: ${text}`)
  return network
}
