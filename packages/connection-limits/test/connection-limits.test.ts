import { createManualEnvironment } from '@orrery/environment/testing'
import { type Admission, createConnectionLimits, type Refusal } from '@orrery/connection-limits'
import { describe, expect, test } from 'vitest'

const nothing = (): void => {}

function release(admission: Admission): void {
  if (!admission.admitted) throw new Error(`refused: ${admission.reason}`)
  admission.release()
}

describe('connection limits', () => {
  test('let in so many of a host, and one more when one has ended', () => {
    const limits = createConnectionLimits({ perHostMax: 2 })
    const ask = (remoteAddress: string | undefined) => limits.admit({ remoteAddress, close: nothing })
    const first = ask('10.0.0.1')
    expect(ask('::ffff:10.0.0.1').admitted).toBe(true)
    expect(ask('10.0.0.1')).toEqual({ admitted: false, reason: 'perHost' })
    expect(ask('10.0.0.2').admitted).toBe(true)
    release(first)
    release(first)
    expect(ask('10.0.0.1').admitted).toBe(true)
    expect(ask('10.0.0.1').admitted).toBe(false)
    expect(limits.stats()).toEqual({ total: 3, hosts: 2, refused: { perHost: 2, hosts: 0, total: 0 } })
  })

  test('forget a host with its last connection', () => {
    const limits = createConnectionLimits()
    const one = limits.admit({ remoteAddress: '10.0.0.1', close: nothing })
    expect(limits.stats().hosts).toBe(1)
    release(one)
    expect(limits.stats()).toMatchObject({ total: 0, hosts: 0 })
    expect(limits.connections()).toEqual([])
  })

  test('take all addresses of an IPv6 prefix for one host', () => {
    const limits = createConnectionLimits({ perHostMax: 1 })
    const ask = (remoteAddress: string) => limits.admit({ remoteAddress, close: nothing }).admitted
    expect(['2001:db8::1', '2001:db8::2', '2001:db8:0:1::1'].map(ask)).toEqual([true, false, true])
    const byAddress = createConnectionLimits({ perHostMax: 1, ipv6PrefixBits: 128 })
    const askAgain = (remoteAddress: string) => byAddress.admit({ remoteAddress, close: nothing }).admitted
    expect(['2001:db8::1', '2001:db8::2', '2001:db8:0::1'].map(askAgain)).toEqual([true, true, false])
  })

  test('do not limit an allowed host by itself, nor by its neighbours, but in total', () => {
    const limits = createConnectionLimits({
      perHostMax: 1,
      hostsMax: 2,
      totalMax: 5,
      allow: ['2001:db8::1', '10.0.0.0/8'],
    })
    const ask = (remoteAddress: string): unknown => {
      const answer = limits.admit({ remoteAddress, close: nothing })
      return answer.admitted || answer.reason
    }
    expect(['2001:db8::2', '2001:db8::1', '2001:db8::1', '10.0.0.1'].map(ask)).toEqual([
      true,
      true,
      true,
      true,
    ])
    expect(['2001:db8::3', '192.0.2.1', '10.0.0.1', '10.0.0.1'].map(ask)).toEqual([
      'perHost',
      'hosts',
      true,
      'total',
    ])
  })

  test('count what has no address in total only', () => {
    const limits = createConnectionLimits({ perHostMax: 1, totalMax: 3 })
    const ask = (remoteAddress: string | undefined) =>
      limits.admit({ remoteAddress, close: nothing }).admitted
    expect([undefined, undefined, 'elsewhere', undefined].map(ask)).toEqual([true, true, true, false])
    expect(limits.stats()).toMatchObject({ total: 3, hosts: 0, refused: { perHost: 0, total: 1 } })
    expect(limits.closeHost('')).toBe(0)
    expect(limits.closeHost('elsewhere')).toBe(0)
  })

  test('list what is open, the oldest first, by the time of day', () => {
    const environment = createManualEnvironment()
    const limits = createConnectionLimits({ environment })
    environment.clock.shiftWall(1_000)
    const first = limits.admit({ remoteAddress: '2001:db8::9', listener: 'a', close: nothing })
    environment.clock.advance(5)
    limits.admit({ remoteAddress: undefined, close: nothing })
    limits.admit({ remoteAddress: '::ffff:10.0.0.1', listener: 'b', close: nothing })
    expect(limits.connections()).toEqual([
      { listener: 'a', host: '2001:db8::/64', remoteAddress: '2001:db8::9', openedMs: 1_000 },
      { listener: '', host: undefined, remoteAddress: undefined, openedMs: 1_005 },
      { listener: 'b', host: '10.0.0.1', remoteAddress: '::ffff:10.0.0.1', openedMs: 1_005 },
    ])
    release(first)
    expect(limits.connections()).toHaveLength(2)
    expect(environment.clock.pending).toBe(0)
  })

  test('close all connections of a host, by its name or one of its addresses', () => {
    const limits = createConnectionLimits({ allow: ['2001:db8::5'] })
    const closed: string[] = []
    const open = (remoteAddress: string): void => {
      const admission = limits.admit({
        remoteAddress,
        close: () => {
          closed.push(remoteAddress)
          release(admission)
        },
      })
    }
    for (const address of ['10.0.0.1', '10.0.0.1', '10.0.0.2', '2001:db8::1', '2001:db8::5']) open(address)
    expect(limits.closeHost('::ffff:10.0.0.1')).toBe(2)
    expect(closed).toEqual(['10.0.0.1', '10.0.0.1'])
    expect(limits.closeHost('10.0.0.1')).toBe(0)
    expect(limits.closeHost('2001:db8::77')).toBe(1)
    open('2001:db8::1')
    expect(limits.closeHost('2001:db8::/64')).toBe(1)
    expect(limits.closeHost('2001:db8::5')).toBe(1)
    expect(limits.connections().map(({ host }) => host)).toEqual(['10.0.0.2'])
  })

  test('tell of what they refuse', () => {
    const refusals: Refusal[] = []
    const limits = createConnectionLimits({ totalMax: 1, onRefused: (refusal) => refusals.push(refusal) })
    limits.admit({ remoteAddress: '10.0.0.1', listener: 'a', close: nothing })
    limits.admit({ remoteAddress: '::ffff:10.0.0.2', listener: 'b', close: nothing })
    limits.admit({ remoteAddress: undefined, close: nothing })
    expect(refusals).toEqual([
      { reason: 'total', listener: 'b', host: '10.0.0.2', remoteAddress: '::ffff:10.0.0.2' },
      { reason: 'total', listener: '', host: undefined, remoteAddress: undefined },
    ])
  })

  test('of several know nothing of each other', () => {
    const [one, other] = [createConnectionLimits({ totalMax: 1 }), createConnectionLimits({ totalMax: 1 })]
    expect(one.admit({ remoteAddress: '10.0.0.1', close: nothing }).admitted).toBe(true)
    expect(other.admit({ remoteAddress: '10.0.0.1', close: nothing }).admitted).toBe(true)
    expect(other.stats().total).toBe(1)
  })

  test.each([
    [{ perHostMax: 0 }, 'perHostMax is an integer from 1 on, or Infinity, got 0'],
    [{ hostsMax: 1.5 }, 'hostsMax is an integer from 1 on, or Infinity, got 1.5'],
    [{ totalMax: NaN }, 'totalMax is an integer from 1 on, or Infinity, got NaN'],
    [{ ipv6PrefixBits: 0 }, 'ipv6PrefixBits is an integer from 1 to 128, got 0'],
    [{ ipv6PrefixBits: 129 }, 'ipv6PrefixBits is an integer from 1 to 128, got 129'],
    [{ allow: ['10.0.0.0/40'] }, 'allow: expected IP addresses or CIDR'],
  ])('do not take %j', (options, message) => {
    expect(() => createConnectionLimits(options)).toThrow(
      expect.objectContaining({
        code: 'CONNECTION_LIMITS_INVALID',
        message: expect.stringContaining(message) as string,
      }),
    )
  })
})
