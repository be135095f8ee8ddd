import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { NetworkInterfaceInfo } from 'node:os'
import { describe, expect, test } from 'vitest'
import { createManualEnvironment } from '@orrery/environment/testing'
import { probeHost, type ProbeHostOptions } from '../src/local-address.ts'
import { errorOf } from './virtual-time.ts'

const entry = (address: string): NetworkInterfaceInfo => {
  const shared = { address, netmask: '', mac: '', internal: false, cidr: null }
  return address.includes(':') ? { ...shared, family: 'IPv6', scopeid: 0 } : { ...shared, family: 'IPv4' }
}

const interfaces = {
  eth0: [entry('fe80::1'), entry('2001:db8::7'), entry('10.1.2.3')],
  eth1: [entry('fe80::2'), entry('2001:db8::8')],
  eth2: [entry('169.254.3.4')],
}

function probed(options: ProbeHostOptions): Promise<string> {
  return probeHost(options, { environment: createManualEnvironment(), interfaces: () => interfaces })
}

const probe = { host: '127.0.0.1', port: 9 }

describe('the address of this host', () => {
  test('is the one that is given', async () => {
    expect(await probed({ given: 'here.example', interfaceName: 'eth0', probe })).toBe('here.example')
  })

  test('is that of the interface, IPv4 before IPv6, and none that is good for one link only', async () => {
    expect(await probed({ given: '', interfaceName: 'eth0', probe })).toBe('10.1.2.3')
    expect(await probed({ interfaceName: 'eth1' })).toBe('2001:db8::8')
  })

  test('is the one from which it would talk to another host, to which nothing is sent', async () => {
    const peer = createSocket('udp4')
    peer.bind(0, '127.0.0.2')
    await once(peer, 'listening')
    let received = 0
    peer.on('message', () => received++)
    const { port } = peer.address()
    expect(await probed({ probe: { host: '127.0.0.2', port } })).toBe('127.0.0.1')
    expect(await probed({ probe: { host: 'localhost', port } })).toMatch(/^(127\.0\.0\.1|::1)$/)
    // What was sent before would have come before it.
    const marker = createSocket('udp4')
    marker.send('last', port, '127.0.0.2')
    await once(peer, 'message')
    expect(received).toBe(1)
    peer.close()
    marker.close()
  })

  test('is taken from the next source, with a warning, when one has none', async () => {
    for (const interfaceName of ['eth2', 'none']) {
      const environment = createManualEnvironment()
      const address = await probeHost({ interfaceName, probe }, { environment, interfaces: () => interfaces })
      expect(address).toBe('127.0.0.1')
      expect(environment.logger.lines).toMatchObject([{ level: 'warn', fields: { interfaceName } }])
    }
  })

  test('is that of the host alone when nothing else is known', async () => {
    const environment = createManualEnvironment()
    expect(await probeHost({}, { environment })).toBe('127.0.0.1')
    expect(environment.logger.lines).toEqual([])
    const unknown = { host: 'name with spaces.invalid', port: 9 }
    expect(await probeHost({ probe: unknown }, { environment })).toBe('127.0.0.1')
    expect(environment.logger.lines).toMatchObject([{ level: 'warn', fields: { probe: unknown } }])
  })

  test('is not waited for any more when the signal says so', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    expect(await errorOf(probed({ probe, signal }))).toMatchObject({ message: 'enough' })
  })
})
