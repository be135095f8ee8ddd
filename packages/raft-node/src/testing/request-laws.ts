import assert from 'node:assert/strict'
import { bytes, law, plain } from './transport-case.ts'

const question = bytes('who leads?')
/** The answer of somebody who never answers. */
const silence = (): Promise<Uint8Array> => new Promise(() => {})

export const requestLaws = [
  law('a request is answered, by a peer or by whoever is at an address', async (trial) => {
    const [a, b] = await trial.pair()
    const asked: unknown[] = []
    b.answer = (from, request) => {
      asked.push([from, new TextDecoder().decode(request)])
      return Promise.resolve(bytes('I do'))
    }
    assert.equal(plain(await trial.settled(a.transport.request(2n, question))), plain(bytes('I do')))
    const { address } = b.transport
    assert.equal(plain(await trial.settled(a.transport.request(address, question))), plain(bytes('I do')))
    assert.deepEqual(asked, [
      [1n, 'who leads?'],
      [1n, 'who leads?'],
    ])
  }),
  law('requests at the same time get each its own answer', async (trial) => {
    const [a, b] = await trial.pair()
    b.answer = async (_, request) => {
      await trial.pass(20 - (request[0] ?? 0))
      return request
    }
    const requests = Array.from({ length: 20 }, (_, n) => Uint8Array.of(n))
    const answers = await trial.settled(Promise.all(requests.map((each) => a.transport.request(2n, each))))
    assert.equal(plain(answers), plain(requests))
  }),
  law('requests and answers may be empty or large', async (trial) => {
    const [a] = await trial.pair()
    for (const length of [0, 1, 1_000_000]) {
      const request = new Uint8Array(length).fill(7)
      assert.ok(plain(await trial.settled(a.transport.request(2n, request))) === plain(request))
    }
  }),
  law('a failure of the answer is told with its reason', async (trial) => {
    const [a, b] = await trial.pair()
    b.answer = () => Promise.reject(new Error('not the leader'))
    await trial.rejects(a.transport.request(2n, question), 'TRANSPORT_REFUSED', 'not the leader')
  }),
  law('a request to nobody fails', async (trial) => {
    const a = await trial.member(1n)
    await trial.rejects(a.transport.request(9n, question), 'TRANSPORT_UNREACHABLE')
    const address = await trial.vacancy()
    await trial.rejects(a.transport.request(address, question), 'TRANSPORT_UNREACHABLE')
    a.transport.setPeers([{ id: 9n, addresses: [address] }])
    await trial.rejects(a.transport.request(9n, question), 'TRANSPORT_UNREACHABLE')
  }),
  law('a signal ends the waiting, before or meanwhile', async (trial) => {
    const [a, b] = await trial.pair()
    const reason = new Error('enough')
    await assert.rejects(a.transport.request(2n, question, { signal: AbortSignal.abort(reason) }), reason)
    let asked = 0
    b.answer = () => {
      asked++
      return silence()
    }
    const controller = new AbortController()
    const waiting = a.transport.request(2n, question, { signal: controller.signal })
    waiting.catch(() => {})
    await trial.eventually('it is asked', () => asked > 0)
    controller.abort(reason)
    await assert.rejects(waiting, reason)
    assert.equal(asked, 1)
  }),
  law('a member that closes answers nobody', async (trial) => {
    const [a, b] = await trial.pair()
    let asked = 0
    b.answer = () => {
      asked++
      return silence()
    }
    const waiting = a.transport.request(2n, question)
    waiting.catch(() => {})
    await trial.eventually('it is asked', () => asked > 0)
    await trial.settled(b.transport.close())
    await trial.rejects(waiting, 'TRANSPORT_UNREACHABLE')
  }),
  law('who closes waits for no answer', async (trial) => {
    const [a, b] = await trial.pair()
    let asked = 0
    b.answer = () => {
      asked++
      return silence()
    }
    const waiting = [a.transport.request(2n, question), a.transport.request(b.transport.address, question)]
    for (const each of waiting) each.catch(() => {})
    await trial.eventually('it is asked', () => asked > 1)
    await trial.settled(a.transport.close())
    for (const each of waiting) await trial.rejects(each, 'TRANSPORT_CLOSED')
  }),
]
