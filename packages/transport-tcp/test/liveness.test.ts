import { afterEach, describe, expect, test } from 'vitest'
import type { Message } from '@orrery/raft'
import { createProxy, createStillTimers, listenSilently, RawPeer, TcpTrial } from './support.ts'

const closing: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close()
})

function begin(setup?: ConstructorParameters<typeof TcpTrial>[0]): TcpTrial {
  const trial = new TcpTrial(setup)
  closing.push(() => trial.close())
  return trial
}

/** Two members, one of which dials the other through something that may fall silent. */
async function throughProxy() {
  const timers = createStillTimers()
  const trial = begin({ clock: timers.clock })
  const [a, b] = [await trial.member(1n), await trial.member(2n)]
  const proxy = await createProxy(trial.portOf(b))
  closing.push(() => proxy.close())
  a.transport.setPeers([{ id: 2n, addresses: [proxy.address] }])
  await trial.eventually('they connect', () => a.transport.connectedMs(2n) !== undefined)
  /** Lets so many keep-alive intervals pass, and what is asked in them be answered. */
  const intervals = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n++) {
      timers.advance(1_000)
      await trial.pass(10)
    }
  }
  return { ...timers, trial, a, b, proxy, intervals }
}

describe('a connection', () => {
  test('on which nothing is sent lives for ever', async () => {
    const { a, intervals } = await throughProxy()
    await intervals(20)
    expect(a.transport.connectedMs(2n)).toBeGreaterThanOrEqual(20_000)
    expect(a.unreachable).toEqual([])
  })

  test('on which nothing comes any more is given up at both ends, and made again', async () => {
    const { trial, a, b, proxy, intervals, advance } = await throughProxy()
    proxy.freeze()
    await intervals(5)
    expect(a.transport.connectedMs(2n)).toBeDefined()
    await intervals(1)
    expect(a.transport.connectedMs(2n)).toBeUndefined()
    await trial.eventually('both ends give up', () => trial.tcp(b).stats().connections === 0)
    expect(a.unreachable).toEqual([2n])
    proxy.thaw()
    advance(1_000)
    await trial.eventually(
      'they connect',
      () => a.transport.connectedMs(2n) !== undefined,
      () => advance(10),
    )
    a.beat(2n, 1)
    await trial.eventually('messages arrive', () => b.rounds.length > 0)
  })

  test('survives a pause of its process, however long', async () => {
    const { trial, a, b, advance } = await throughProxy()
    // The timers of a minute are late, and what arrived meanwhile has not been read yet.
    advance(60_000)
    await trial.pass(10)
    advance(60_000)
    await trial.pass(10)
    a.beat(2n, 1)
    await trial.eventually('messages arrive', () => b.rounds.length > 0)
    expect(a.unreachable).toEqual([])
  })

  test('for requests is closed when nothing is asked, and made again for the next one', async () => {
    const { trial, a, b, intervals } = await throughProxy()
    const ask = () => trial.settled(a.transport.request(b.transport.address, Buffer.from('?')))
    await ask()
    expect(trial.tcp(b).stats().connections).toBe(2)
    await intervals(7)
    await trial.eventually('it is closed', () => trial.tcp(b).stats().connections === 1)
    expect(await ask()).toEqual(Buffer.from('?'))
  })

  test('for requests stays while an answer takes long', async () => {
    const { trial, a, b, intervals } = await throughProxy()
    let finish = (): void => {}
    b.answer = (_, request) => {
      return new Promise((resolve) => {
        finish = () => resolve(request)
      })
    }
    const asked = a.transport.request(2n, Buffer.from('?'))
    await intervals(20)
    finish()
    expect(await trial.settled(asked)).toEqual(Buffer.from('?'))
  })
})

describe('who dials', () => {
  test('gives up when nobody introduces itself, and says so once', async () => {
    const { clock, advance } = createStillTimers()
    const trial = begin({ clock })
    const a = await trial.member(1n)
    const { address, sockets, close } = await listenSilently()
    closing.push(close)
    a.transport.setPeers([{ id: 2n, addresses: [address] }])
    for (let n = 1; n <= 3; n++) {
      await trial.eventually(
        'it dials',
        () => sockets.length === n,
        () => advance(10),
      )
      await trial.pass(10)
      advance(5_000)
    }
    await trial.pass(10)
    expect(trial.logger.lines).toMatchObject([{ level: 'warn', message: 'a peer is not reached' }])
    expect(trial.logger.lines[0]?.fields['reason']).toContain('no answer within 5000 ms')
  })

  test('waits longer after each failure, up to a limit', async () => {
    const timers = createStillTimers()
    const delays: number[] = []
    const clock = {
      ...timers.clock,
      setTimer: (delayMs: number, callback: () => void) => {
        if (delayMs < 1_000) delays.push(delayMs)
        return timers.clock.setTimer(delayMs, callback)
      },
    }
    const options = { reconnectMinMs: 10, reconnectMaxMs: 100 }
    const trial = begin({ clock, options })
    const a = await trial.member(1n)
    a.transport.setPeers([{ id: 2n, addresses: [await trial.vacancy()] }])
    await trial.eventually(
      'it dials again and again',
      () => delays.length > 7,
      () => timers.advance(100),
    )
    const bounds = [10, 20, 40, 80, 100, 100, 100]
    bounds.forEach((bound, n) => {
      expect(delays[n]).toBeGreaterThanOrEqual(bound / 2)
      expect(delays[n]).toBeLessThanOrEqual(bound)
    })
    expect(new Set(delays).size).toBe(delays.length)
  })

  test('takes no answer that is none', async () => {
    const trial = begin()
    const a = await trial.member(1n)
    const { address, sockets, close } = await listenSilently()
    closing.push(close)
    const asked = a.transport.request(address, Buffer.from('?'))
    asked.catch(() => {})
    await trial.eventually('it dials', () => sockets.length === 1)
    sockets[0]?.write(Buffer.alloc(100, 0xff))
    await trial.rejects(asked, 'TRANSPORT_REFUSED', 'a frame of')
    expect(trial.tcp(a).stats().refused.malformed).toBe(1)
  })

  test.each([
    '',
    'host',
    'host:',
    ':1',
    'host:0',
    'host:65536',
    'a b:1',
    '[::1',
    '[::1]',
    '::1:1',
    'host:1/x',
  ])('does not take %j for an address', async (address) => {
    const trial = begin()
    const a = await trial.member(1n)
    await trial.rejects(
      a.transport.request(address, Buffer.of(1)),
      'TRANSPORT_UNREACHABLE',
      'is not host:port',
    )
  })
})

describe('a peer that does not read', () => {
  test('costs a bounded queue; what it drops is reported and counted, and small messages still fit', async () => {
    const trial = begin({
      options: { frameMaxBytes: 65_536, queueMaxBytes: 1_048_576, queueReserveBytes: 16_384 },
    })
    const [a, b] = [await trial.member(1n), await trial.member(2n)]
    const proxy = await createProxy(trial.portOf(b))
    closing.push(() => proxy.close())
    a.transport.setPeers([{ id: 2n, addresses: [proxy.address] }])
    await trial.eventually('they connect', () => a.transport.connectedMs(2n) !== undefined)
    proxy.stopReading()
    const payload = new Uint8Array(60_000)
    const append: Message = {
      type: 'append',
      from: 1n,
      to: 2n,
      term: 1,
      previousIndex: 0,
      previousTerm: 0,
      entries: [{ index: 1, term: 1, type: 'command', payload }],
      commitIndex: 0,
      lastIndex: 1,
    }
    const before = process.memoryUsage().arrayBuffers
    await trial.eventually(
      'messages are dropped',
      () => a.unreachable.length > 3,
      () => {
        for (let n = 0; n < 100; n++) a.transport.send([append])
      },
    )
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(32 * 2 ** 20)
    const { droppedMessages } = trial.tcp(a).stats()
    expect(droppedMessages).toBeGreaterThan(0)
    a.beat(2n, 1)
    expect(trial.tcp(a).stats().droppedMessages).toBe(droppedMessages)
    proxy.readOn()
    await trial.eventually('the small one arrives', () => b.rounds.length > 0)
  })

  test('of answers is hung up on', async () => {
    const trial = begin({ options: { frameMaxBytes: 65_536, queueMaxBytes: 131_072 } })
    const a = await trial.member(1n)
    a.answer = () => Promise.resolve(new Uint8Array(60_000))
    const { encodeFrame, frameType } = await import('../src/frame.ts')
    const { encodeHello } = await import('../src/handshake.ts')
    const raw = new RawPeer(trial.portOf(a))
    const identity = { clusterId: 1n, memberId: 0n, directoryId: 0n }
    raw.say(...encodeFrame(frameType.hello, encodeHello({ identity, purpose: 'request', expected: 1n })))
    await trial.eventually('it is welcome', () => raw.received.length > 0)
    raw.socket.pause()
    let id = 0
    await trial.eventually(
      'it is hung up on',
      () => trial.tcp(a).stats().refused.slow === 1,
      () => {
        for (let n = 0; n < 50; n++) raw.say(...encodeFrame(frameType.request, Buffer.of(1), id++))
      },
    )
    raw.socket.destroy()
  })
})
