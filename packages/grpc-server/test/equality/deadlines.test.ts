import { status } from '@grpc/grpc-js'
import { describe } from 'vitest'
import type { Journal } from './support/journal.ts'
import { openHandlers, phases } from './support/phases.ts'
import { frame } from './support/raw-connection.ts'
import { sameOnBoth } from './support/scenario.ts'
import { equalityService, type Handlers } from './support/service.ts'

const hello = Buffer.from('hello')

// Side by side, since they wait. Long enough for a busy machine to reach each phase before.
describe.concurrent('a deadline ends', () => {
  for (const { name, closes, reach } of phases) {
    sameOnBoth(name, {
      handlers: openHandlers,
      // Client and server watch the deadline. When the client is first, it resets the call, and grpc-js takes
      // that for the end of the requests.
      byChance: ['end'],
      run: async (world) => {
        const observed = await reach(world, { options: { deadline: Date.now() + 1_500 } })
        const seen = await observed.done
        await world.journal.heard('cancelled')
        if (closes) await world.journal.heard('close')
        return seen
      },
      shows: { client: {} },
    })
  }
})

describe('a deadline that only the server watches', () => {
  const timeouts = [
    ['in milliseconds', '50m'],
    ['in microseconds', '50000u'],
    ['in nanoseconds', '50000000n'],
    ['of nothing', '0n'],
  ] as const
  for (const [name, timeout] of timeouts) {
    sameOnBoth(`${name} ends a unary call with a status`, {
      handlers: openHandlers,
      run: async ({ connectRaw, journal }) => {
        const answer = await connectRaw().call(equalityService.unary.path, frame(hello), {
          'grpc-timeout': timeout,
        })
        await journal.heard('cancelled')
        return answer
      },
      shows: { client: { headers: { 'grpc-status': '4', 'grpc-message': 'Deadline exceeded' } } },
    })
  }

  for (const kind of ['clientStream', 'bidi'] as const) {
    sameOnBoth(`ends a call of ${kind} while its client still sends`, {
      handlers: openHandlers,
      run: async ({ connectRaw, journal }) => {
        const { stream, done } = connectRaw().start(equalityService[kind].path, { 'grpc-timeout': '100m' })
        stream.write(frame(hello))
        await journal.heard('message')
        const answer = await done
        await journal.heard('close')
        return answer
      },
      shows: { handler: { 0: 'called', 1: ['message', 'hello'] } },
    })
  }

  sameOnBoth('ends a call before its request is complete', {
    handlers: openHandlers,
    run: async ({ connectRaw }) => {
      const { stream, done } = connectRaw().start(equalityService.unary.path, { 'grpc-timeout': '50m' })
      stream.write(frame(hello))
      return await done
    },
    shows: { client: { headers: { 'grpc-status': '4' } }, handler: [] },
  })

  sameOnBoth('ends a stream of responses after its messages', {
    handlers: openHandlers,
    run: async ({ connectRaw, journal }) => {
      const { path } = equalityService.serverStream
      const answer = await connectRaw().call(path, frame(Buffer.of(2)), { 'grpc-timeout': '100m' })
      await journal.heard('close')
      return answer
    },
    shows: { client: { trailers: { 'grpc-status': '4' } } },
  })
})

sameOnBoth('a deadline in the past ends a call before it is made', {
  handlers: openHandlers,
  run: async ({ caller }) => await caller.unary(hello, { options: { deadline: Date.now() - 1_000 } }).done,
  shows: { client: { 0: ['answer', { error: { code: 4 } }] }, handler: [] },
})

const lateHandlers = (journal: Journal): Handlers => ({
  unary: (call, callback) => {
    call.on('cancelled', () => {
      callback(null, hello)
      callback({ code: status.NOT_FOUND, details: 'too late' })
      journal.note('answered', call.cancelled)
    })
  },
})

sameOnBoth('an answer after the deadline is dropped', {
  handlers: lateHandlers,
  run: async ({ connectRaw, journal }) => {
    const { path } = equalityService.unary
    const answer = await connectRaw().call(path, frame(hello), { 'grpc-timeout': '50m' })
    await journal.heard('answered')
    return answer
  },
  shows: { client: { body: '', headers: { 'grpc-status': '4' } }, handler: [['answered', true]] },
})

sameOnBoth('a call that is answered in time is not disturbed by its deadline', {
  handlers: (journal) => ({
    bidi: (call) => {
      call.on('cancelled', () => {
        journal.note('cancelled', call.cancelled)
      })
      call.end()
    },
  }),
  run: async ({ caller, journal }) => {
    const first = await caller.bidi({ options: { deadline: Date.now() + 60_000 } }).done
    await journal.heard('cancelled')
    return first
  },
  shows: { client: { length: 2, 0: ['status', { code: 0 }], 1: 'end' }, handler: [['cancelled', true]] },
})
