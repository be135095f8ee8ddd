import type { Registry } from 'prom-client'
import { Counter } from 'prom-client'
import { EtcdError, grpcStatus } from '../errors.ts'
import type { CallContext } from '../services/services.ts'

/** How a method's messages flow, as go-grpc-prometheus names it. */
export type CallType = 'unary' | 'server_stream' | 'bidi_stream'

/** A method, by the labels of its counters. */
export interface MethodLabels {
  readonly grpc_type: CallType
  readonly grpc_service: string
  readonly grpc_method: string
}

/** Names of statuses in labels. */
const codeNames: Readonly<Record<number, string>> = {
  [grpcStatus.canceled]: 'Canceled',
  [grpcStatus.unknown]: 'Unknown',
  [grpcStatus.invalidArgument]: 'InvalidArgument',
  [grpcStatus.deadlineExceeded]: 'DeadlineExceeded',
  [grpcStatus.notFound]: 'NotFound',
  [grpcStatus.permissionDenied]: 'PermissionDenied',
  [grpcStatus.resourceExhausted]: 'ResourceExhausted',
  [grpcStatus.failedPrecondition]: 'FailedPrecondition',
  [grpcStatus.outOfRange]: 'OutOfRange',
  [grpcStatus.unimplemented]: 'Unimplemented',
  [grpcStatus.internal]: 'Internal',
  [grpcStatus.unavailable]: 'Unavailable',
  [grpcStatus.dataLoss]: 'DataLoss',
  [grpcStatus.unauthenticated]: 'Unauthenticated',
}

/** The counts of one method. Plain numbers, because every message passes here; they are read when asked. */
export class MethodCalls {
  readonly labels: MethodLabels
  started = 0
  received = 0
  sent = 0
  readonly #handled = new Map<string, number>()
  readonly #startedByVersion = new Map<string, number>()

  constructor(labels: MethodLabels) {
    this.labels = labels
  }

  /** @param version of the API that the client says it speaks */
  begin(version: string): void {
    this.started += 1
    this.#startedByVersion.set(version, (this.#startedByVersion.get(version) ?? 0) + 1)
  }

  /** Calls that began, by the client's version. */
  get startedByVersion(): ReadonlyMap<string, number> {
    return this.#startedByVersion
  }

  /** @param error what a call failed with; undefined when it succeeded */
  handled(error: unknown): void {
    const status = error instanceof EtcdError ? error.status : grpcStatus.unknown
    const code = error === undefined ? 'OK' : (codeNames[status] ?? 'Unknown')
    this.#handled.set(code, (this.#handled.get(code) ?? 0) + 1)
  }

  /** Calls that ended, by the name of their status. */
  get handledByCode(): ReadonlyMap<string, number> {
    return this.#handled
  }
}

/** Counts calls and their messages, over gRPC and HTTP alike. */
export class CallMetrics {
  readonly #methods: MethodCalls[] = []

  constructor(registry: Registry) {
    const labelNames = ['grpc_type', 'grpc_service', 'grpc_method']
    const counter = (name: string, help: string, read: (method: MethodCalls) => number): Counter => {
      const methods = this.#methods
      return new Counter({
        name,
        help,
        labelNames,
        registers: [registry],
        collect() {
          this.reset()
          for (const method of methods) this.inc({ ...method.labels }, read(method))
        },
      })
    }
    counter('grpc_server_started_total', 'Calls that began.', ({ started }) => started)
    counter('grpc_server_msg_received_total', 'Messages received.', ({ received }) => received)
    counter('grpc_server_msg_sent_total', 'Messages sent.', ({ sent }) => sent)
    registerHandled(registry, this.#methods, labelNames)
    registerRequests(registry, this.#methods)
  }

  /** Adds a method to count. */
  method(labels: MethodLabels): MethodCalls {
    const method = new MethodCalls(labels)
    this.#methods.push(method)
    return method
  }

  /** Counts the begin of a call. */
  started(method: MethodCalls, context: CallContext): void {
    method.begin(versionLabel(context.metadata.get('client-api-version')))
  }
}

function registerRequests(registry: Registry, methods: readonly MethodCalls[]): void {
  new Counter({
    name: 'etcd_server_client_requests_total',
    help: 'Calls per client version.',
    labelNames: ['type', 'client_api_version'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, startedByVersion } of methods) {
        const type = labels.grpc_type === 'unary' ? 'unary' : 'stream'
        for (const [version, count] of startedByVersion) {
          this.inc({ type, client_api_version: version }, count)
        }
      }
    },
  })
}

function registerHandled(
  registry: Registry,
  methods: readonly MethodCalls[],
  labelNames: readonly string[],
): void {
  new Counter({
    name: 'grpc_server_handled_total',
    help: 'Calls that ended, by status.',
    labelNames: [...labelNames, 'grpc_code'],
    registers: [registry],
    collect() {
      this.reset()
      for (const { labels, handledByCode } of methods) {
        for (const [code, count] of handledByCode) this.inc({ ...labels, grpc_code: code }, count)
      }
    },
  })
}

/** Clients choose this text, so that only a bounded part of it may become a label. */
function versionLabel(version: string | undefined): string {
  if (version === undefined) return 'unknown'
  const [, minor] = /^(\d\.\d{1,2})(?:\.|$)/.exec(version) ?? []
  return minor ?? 'unknown'
}
