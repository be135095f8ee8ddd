import { Metadata } from '@grpc/grpc-js'
import type { CallSetup, Observed } from './caller.ts'
import type { Journal } from './journal.ts'
import type { World } from './scenario.ts'
import type { Handlers } from './service.ts'
import { watch } from './watch.ts'

/** A point in the life of a call at which something may happen to it. */
export interface Phase {
  readonly name: string
  /** The handler's journal says `close` at the end: calls of streams are destroyed, unary ones are not. */
  readonly closes: boolean
  /** Makes a call and waits until it is there. */
  readonly reach: (world: World, setup?: CallSetup) => Promise<Observed<{ cancel(): void }>>
}

const withMetadata = Buffer.from('metadata, please')
const message = Buffer.from('message')

/** Handlers that take and send, and never end their calls. */
export function openHandlers(journal: Journal): Handlers {
  return {
    unary: (call) => {
      journal.note('called', call.request.toString())
      watch(call, journal)
      if (call.request.equals(withMetadata)) call.sendMetadata(new Metadata())
    },
    clientStream: (call) => {
      journal.note('called')
      watch(call, journal)
      call.on('data', (received: Buffer) => {
        journal.note('message', received.toString())
      })
      call.on('end', () => {
        journal.note('end')
      })
    },
    serverStream: (call) => {
      journal.note('called')
      watch(call, journal)
      for (let count = call.request.readUInt8(0); count > 0; count--) call.write(message)
    },
    bidi: (call) => {
      journal.note('called')
      watch(call, journal)
      call.on('data', (received: Buffer) => {
        journal.note('message', received.toString())
        call.write(received)
      })
      call.on('end', () => {
        journal.note('end')
      })
    },
  }
}

/** The phases of all four kinds of calls, with the {@link openHandlers}. */
export const phases: readonly Phase[] = [
  {
    name: 'a unary call before its handler answers',
    closes: false,
    reach: async ({ caller, journal }, setup) => {
      const observed = caller.unary(message, setup)
      await journal.heard('called')
      return observed
    },
  },
  {
    name: 'a unary call after its initial metadata',
    closes: false,
    reach: async ({ caller }, setup) => {
      const observed = caller.unary(withMetadata, setup)
      await observed.journal.heard('metadata')
      return observed
    },
  },
  {
    name: 'a stream of requests before the first message',
    closes: true,
    reach: async ({ caller, journal }, setup) => {
      const observed = caller.clientStream(setup)
      await journal.heard('called')
      return observed
    },
  },
  {
    name: 'a stream of requests between two messages',
    closes: true,
    reach: async ({ caller, journal }, setup) => {
      const observed = caller.clientStream(setup)
      observed.call.write(message)
      observed.call.write(message)
      await journal.heard('message', 2)
      return observed
    },
  },
  {
    name: 'a stream of requests after half close',
    closes: true,
    reach: async ({ caller, journal }, setup) => {
      const observed = caller.clientStream(setup)
      observed.call.end(message)
      await journal.heard('end')
      return observed
    },
  },
  {
    name: 'a stream of responses before the first message',
    closes: true,
    reach: async ({ caller, journal }, setup) => {
      const observed = caller.serverStream(Buffer.of(0), setup)
      await journal.heard('called')
      return observed
    },
  },
  {
    name: 'a stream of responses between two messages',
    closes: true,
    reach: async ({ caller }, setup) => {
      const observed = caller.serverStream(Buffer.of(3), setup)
      await observed.journal.heard('message', 3)
      return observed
    },
  },
  {
    name: 'a stream both ways before the first message',
    closes: true,
    reach: async ({ caller, journal }, setup) => {
      const observed = caller.bidi(setup)
      await journal.heard('called')
      return observed
    },
  },
  {
    name: 'a stream both ways between two messages',
    closes: true,
    reach: async ({ caller }, setup) => {
      const observed = caller.bidi(setup)
      observed.call.write(message)
      await observed.journal.heard('message')
      return observed
    },
  },
  {
    name: 'a stream both ways after half close',
    closes: true,
    reach: async ({ caller, journal }, setup) => {
      const observed = caller.bidi(setup)
      observed.call.end(message)
      await Promise.all([observed.journal.heard('message'), journal.heard('end')])
      return observed
    },
  },
]
