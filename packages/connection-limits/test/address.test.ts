import { BlockList, isIPv6, SocketAddress } from 'node:net'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { hostOf, parseAddress } from '../src/address.ts'
import { createAllowList } from '../src/allow-list.ts'

function host(text: string, prefixBits = 64): string | undefined {
  const ip = parseAddress(text)
  return ip === undefined ? undefined : hostOf(ip, prefixBits)
}

describe('an address', () => {
  test.each([
    ['10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3', '10.1.2.3'],
    ['::FFFF:0a01:0203', '10.1.2.3'],
    ['0:0:0:0:0:ffff:10.1.2.3', '10.1.2.3'],
    ['::ffff:10.1.2.3%eth0', '10.1.2.3'],
    ['::1', '::1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::', '2001:db8:1:2::/64'],
    ['2001:db8::10.1.2.3', '2001:db8::/64'],
    ['2001:db8::1%eth0', '2001:db8::/64'],
    ['fe80::1%eth0', 'fe80::1%eth0'],
    ['fe80::1', 'fe80::1'],
    ['febf::2%3', 'febf::2%3'],
    ['fec0::2%3', 'fec0::/64'],
  ])('%s counts under %s', (text, expected) => {
    expect(host(text)).toBe(expected)
  })

  test.each([
    [128, '2001:db8:1:2:3:4:5:6'],
    [127, '2001:db8:1:2:3:4:5:6/127'],
    [65, '2001:db8:1:2::/65'],
    [56, '2001:db8:1::/56'],
    [17, '2001:8000::/17'],
    [1, '::/1'],
  ])('counts with %i bits under %s', (bits, expected) => {
    expect(host(bits === 17 ? '2001:8db8::' : '2001:db8:1:2:3:4:5:6', bits)).toBe(expected)
  })

  test.each(['', 'localhost', '10.1.2', '010.1.2.3', '10.1.2.3:80', '[::1]', ':::', '::1/64', '/tmp/socket'])(
    '%j is none',
    (text) => {
      expect(parseAddress(text)).toBeUndefined()
    },
  )

  test('is the same one however it is written', () => {
    fc.assert(
      fc.property(fc.ipV6(), (text) => {
        fc.pre(isIPv6(text))
        const ip = parseAddress(text)
        const canonical = new SocketAddress({ address: text, family: 'ipv6' }).address
        if (ip?.family === 'ipv4') expect(canonical).toBe(`::ffff:${ip.address}`)
        else expect(ip?.address).toBe(canonical)
      }),
    )
  })

  test('counts with others of its prefix, and with nobody else', () => {
    const global = fc.tuple(
      fc.integer({ min: 0x2000, max: 0x3fff }),
      ...Array<fc.Arbitrary<number>>(7).fill(fc.nat(0xffff)),
    )
    const textOf = (groups: readonly number[]): string => groups.map((group) => group.toString(16)).join(':')
    fc.assert(
      fc.property(global, fc.integer({ min: 1, max: 127 }), fc.nat(127), (groups, prefixBits, bit) => {
        const other = groups.map((group, at) => (at === bit >> 4 ? group ^ (0x8000 >> (bit & 15)) : group))
        fc.pre((other[0] ?? 0) >> 13 === 1)
        const isSame = host(textOf(groups), prefixBits) === host(textOf(other), prefixBits)
        expect(isSame).toBe(bit >= prefixBits)
        const subnet = new BlockList()
        subnet.addSubnet(textOf(groups), prefixBits, 'ipv6')
        expect(subnet.check(textOf(other), 'ipv6')).toBe(isSame)
      }),
    )
  })
})

describe('an allow-list', () => {
  const isAllowed = (entries: readonly string[], text: string): boolean => {
    const ip = parseAddress(text)
    return ip !== undefined && createAllowList(entries)(ip)
  }

  test.each([
    ['10.0.0.1', '10.0.0.1', true],
    ['10.0.0.1', '::ffff:10.0.0.1', true],
    ['10.0.0.1', '10.0.0.2', false],
    ['::ffff:10.0.0.1', '10.0.0.1', true],
    ['10.0.0.5/8', '10.255.0.1', true],
    ['10.0.0.0/8', '11.0.0.1', false],
    ['0.0.0.0/0', '192.0.2.1', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::ffff:10.0.0.0/104', '10.9.9.9', true],
    ['::ffff:10.0.0.0/104', '11.9.9.9', false],
    ['2001:db8::/32', '2001:db8:ffff::1', true],
    ['2001:db8::/32', '2001:db9::1', false],
    ['::/0', '2001:db9::1', true],
    ['fe80::1', 'fe80::1%eth0', true],
  ])('with %s, asked for %s: %s', (entry, text, expected) => {
    expect(isAllowed([entry], text)).toBe(expected)
    expect(isAllowed(['192.0.2.77', entry], text)).toBe(expected)
  })

  test.each(['', 'a', '10.0.0', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1', '::/129'])(
    'does not take %j',
    (entry) => {
      expect(() => createAllowList([entry])).toThrow(
        `CONNECTION_LIMITS_INVALID: allow: expected IP addresses or CIDR such as 10.0.0.0/8, got ${JSON.stringify(entry)}`,
      )
    },
  )

  test.each(['fe80::1%eth0', '::ffff:10.0.0.0/95'])('does not take %j', (entry) => {
    expect(() => createAllowList([entry])).toThrow('allow: expected')
  })
})
