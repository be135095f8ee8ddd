import { describe, expect, test } from 'vitest'
import { sameOnBoth } from './support/scenario.ts'
import { createCandidate, createReference } from './support/servers.ts'
import { equalityService, type Handlers, toImplementation } from './support/service.ts'

const hello = Buffer.from('hello')
const echo = (): Handlers => ({ unary: (call, callback) => callback(null, call.request) })

describe('a call of', () => {
  const paths = [
    ['a method that its service does not have', '/test.Equality/Nothing'],
    ['a service that does not exist', '/test.Nothing/Unary'],
    ['a path without a service', '/'],
    ['a path in other letters', '/test.Equality/unary'],
    ['a path with a query', '/test.Equality/Unary?a=b'],
    ['a path with more parts', '/test.Equality/Unary/More'],
  ] as const
  for (const [name, path] of paths) {
    sameOnBoth(`${name} is UNIMPLEMENTED`, {
      handlers: echo,
      run: async ({ caller }) => [
        await caller.unary(hello, { path }).done,
        await caller.serverStream(hello, { path }).done,
      ],
      shows: { client: { 0: { 0: ['answer', { error: { code: 12 } }] } } },
    })
  }

  sameOnBoth('methods without a handler is UNIMPLEMENTED for each kind', {
    handlers: () => ({}),
    run: async ({ caller }) => {
      const upload = caller.clientStream()
      upload.call.end()
      const chat = caller.bidi()
      chat.call.end()
      return [
        await caller.unary(hello).done,
        await upload.done,
        await caller.serverStream(hello).done,
        await chat.done,
      ]
    },
    shows: { client: { 0: { 0: ['answer', { error: { code: 12 } }] } } },
  })

  sameOnBoth('a method whose handler has its original name', {
    addServices: (server) => {
      const definition = { Unary: { ...equalityService.unary, originalName: 'unary' } }
      server.addService(definition, toImplementation(echo()))
    },
    run: ({ caller }) => caller.unary(hello).done,
    shows: { client: { 1: ['answer', { value: 'hello' }] } },
  })

  sameOnBoth('a method with handlers of both names goes to the one of the definition', {
    addServices: (server) => {
      const definition = { Unary: { ...equalityService.unary, originalName: 'unary' } }
      const answer = (text: string): Handlers['unary'] => {
        return (_call, callback) => callback(null, Buffer.from(text))
      }
      server.addService(definition, { Unary: answer('defined'), unary: answer('original') } as never)
    },
    run: ({ caller }) => caller.unary(hello).done,
    shows: { client: { 1: ['answer', { value: 'defined' }] } },
  })

  sameOnBoth('a method whose handler uses `this` finds its implementation', {
    addServices: (server) => {
      class Implementation {
        readonly greeting = Buffer.from('from this')
        readonly unary: Handlers['unary'] = (_call, callback) => callback(null, this.greeting)
        clientStream(_call: unknown, callback: (error: null, value: Buffer) => void): void {
          callback(null, this.greeting)
        }
      }
      server.addService(equalityService, new Implementation() as never)
    },
    run: async ({ caller }) => {
      const upload = caller.clientStream()
      upload.call.end()
      return [await caller.unary(hello).done, await upload.done]
    },
    shows: { client: { 1: { 1: ['answer', { value: 'from this' }] } } },
  })

  sameOnBoth('a service that was removed is UNIMPLEMENTED until it is added again', {
    handlers: echo,
    run: async ({ server, caller }) => {
      const before = await caller.unary(hello).done
      server.removeService(equalityService)
      const without = await caller.unary(hello).done
      server.addService(equalityService, toImplementation(echo()))
      return [before, without, await caller.unary(hello).done]
    },
    shows: { client: { 1: { 0: ['answer', { error: { code: 12 } }] } } },
  })
})

describe('a service', () => {
  const attempts = [
    ['is no object', null, {}],
    ['is empty', {}, {}],
    ['has no implementation', equalityService, null],
  ] as const
  for (const [name, definition, implementation] of attempts) {
    test(`that ${name} is refused`, () => {
      for (const create of [createReference, createCandidate]) {
        // Each server has errors of its own, so that only the refusal is compared.
        expect(() => create({}).addService(definition as never, implementation as never)).toThrow()
      }
    })
  }

  test('that was added already is refused', () => {
    for (const create of [createReference, createCandidate]) {
      const server = create({})
      server.addService(equalityService, toImplementation(echo()))
      expect(() => server.addService(equalityService, toImplementation(echo()))).toThrow()
    }
  })
})
