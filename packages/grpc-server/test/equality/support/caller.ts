import {
  type CallOptions,
  type Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  type ClientUnaryCall,
  type ClientWritableStream,
  Metadata,
  type ServiceError,
  type StatusObject,
} from '@grpc/grpc-js'
import { type Entry, Journal } from './journal.ts'
import { plainBytes, plainMetadata, plainStatus } from './plain.ts'
import { equalityService } from './service.ts'

/** How a call is made. */
export interface CallSetup {
  readonly metadata?: Metadata
  readonly options?: CallOptions
  /** Another method than the one of {@link equalityService}. */
  readonly path?: string
}

/** A call that is being made, and what its client has seen of it. */
export interface Observed<Call> {
  readonly call: Call
  readonly journal: Journal
  /** All that the client saw, once the call has ended. */
  readonly done: Promise<readonly Entry[]>
}

type AnyCall = Pick<ClientUnaryCall, 'on'>

/** Makes calls with the client of grpc-js, and writes down what comes of them. */
export class Caller {
  readonly #client: Client
  readonly #port: number

  constructor(client: Client, port: number) {
    this.#client = client
    this.#port = port
  }

  unary(request: Buffer, setup: CallSetup = {}): Observed<ClientUnaryCall> {
    const { path, requestSerialize, responseDeserialize } = equalityService.unary
    const journal = new Journal()
    const call = this.#client.makeUnaryRequest(
      setup.path ?? path,
      requestSerialize,
      responseDeserialize,
      request,
      setup.metadata ?? new Metadata(),
      setup.options ?? {},
      this.#answer(journal),
    )
    return this.#observe(call, journal, 'answer')
  }

  clientStream(setup: CallSetup = {}): Observed<ClientWritableStream<Buffer>> {
    const { path, requestSerialize, responseDeserialize } = equalityService.clientStream
    const journal = new Journal()
    const call = this.#client.makeClientStreamRequest(
      setup.path ?? path,
      requestSerialize,
      responseDeserialize,
      setup.metadata ?? new Metadata(),
      setup.options ?? {},
      this.#answer(journal),
    )
    return this.#observe(call, journal, 'answer')
  }

  serverStream(request: Buffer, setup: CallSetup = {}): Observed<ClientReadableStream<Buffer>> {
    const { path, requestSerialize, responseDeserialize } = equalityService.serverStream
    const call = this.#client.makeServerStreamRequest(
      setup.path ?? path,
      requestSerialize,
      responseDeserialize,
      request,
      setup.metadata ?? new Metadata(),
      setup.options ?? {},
    )
    return this.#observeMessages(call)
  }

  bidi(setup: CallSetup = {}): Observed<ClientDuplexStream<Buffer, Buffer>> {
    const { path, requestSerialize, responseDeserialize } = equalityService.bidi
    const call = this.#client.makeBidiStreamRequest(
      setup.path ?? path,
      requestSerialize,
      responseDeserialize,
      setup.metadata ?? new Metadata(),
      setup.options ?? {},
    )
    return this.#observeMessages(call)
  }

  #answer(journal: Journal) {
    return (error: ServiceError | null, value?: Buffer): void => {
      if (error !== null) journal.note('answer', { error: plainStatus(error, this.#port) })
      else journal.note('answer', value === undefined ? 'none' : { value: plainBytes(value) })
    }
  }

  #observeMessages<Call extends ClientReadableStream<Buffer>>(call: Call): Observed<Call> {
    const journal = new Journal()
    call.on('data', (message: Buffer) => {
      journal.note('message', plainBytes(message))
    })
    call.on('end', () => {
      journal.note('end')
    })
    call.on('error', (error) => {
      journal.note('error', plainStatus(error as ServiceError, this.#port))
    })
    return this.#observe(call, journal, 'end')
  }

  #observe<Call extends AnyCall>(call: Call, journal: Journal, last: string): Observed<Call> {
    call.on('metadata', (metadata: Metadata) => {
      journal.note('metadata', plainMetadata(metadata))
    })
    call.on('status', (status: StatusObject) => {
      journal.note('status', plainStatus(status, this.#port))
    })
    const done = Promise.all([journal.heard('status'), journal.heard(last)]).then(() => journal.entries)
    return { call, journal, done }
  }
}
