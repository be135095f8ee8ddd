import type { FastifyReply, FastifyRequest } from 'fastify'
import { toInstanceInfo } from '../mapping.ts'
import { isNamespaceName, type ResolvedEurekaOptions } from '../options.ts'
import { RegistryView } from '../registry-view.ts'
import { EurekaLists } from '../view/eureka-lists.ts'
import { Lists } from '../view/lists.ts'
import { requireRegistrable } from '../wire/registrable.ts'
import { readReplicationList, writeReplicationResponse } from '../wire/replication.ts'
import { Heartbeats } from '../writes/heartbeats.ts'
import { Registrations } from '../writes/registrations.ts'
import { Replication } from '../writes/replication.ts'
import { answer, answerEmpty, answerFailure, answerList } from './answers.ts'
import { acceptsGzip, type Answered, bodyOf, type Call, isFrom, renditionOf, versioned } from './call.ts'
import { failureOf, unvouchedHeartbeat } from './failure.ts'
import { dirtyTimestampOf, parseQuery, statusOf } from './query.ts'
import { readInstanceBody, readJsonBody } from './request-body.ts'
import { parseRequestPath } from './request-path.ts'
import { statusOverrides, statusPage } from './status-page.ts'

/** Answers requests, by what their paths name. */
export class EurekaApi {
  readonly #options: ResolvedEurekaOptions
  readonly #view: RegistryView
  readonly #lists: Lists
  readonly #eurekaLists: EurekaLists
  readonly #heartbeats: Heartbeats
  readonly #registrations: Registrations
  readonly #replication: Replication
  readonly #startedMs: number

  constructor(options: ResolvedEurekaOptions) {
    const { registry, environment, cacheMaxBytes, gzipLevel } = options
    this.#options = options
    this.#startedMs = environment.clock.nowMs()
    this.#eurekaLists = new EurekaLists(registry, cacheMaxBytes)
    const { budget } = this.#eurekaLists
    this.#lists = new Lists({ environment, budget, gzipLevel })
    this.#view = new RegistryView(options, {
      instance: (shown) => this.#eurekaLists.forgetInstance(shown),
      app: (app) => this.#eurekaLists.forgetApp(app),
    })
    this.#heartbeats = new Heartbeats(registry, this.#view)
    this.#registrations = new Registrations(options)
    this.#replication = new Replication({
      registrations: this.#registrations,
      heartbeats: this.#heartbeats,
      view: this.#view,
      failed: (error) => this.#log(error),
    })
  }

  close(): void {
    this.#view.close()
  }

  /** `skip`: the segments of the path at which the adapter is mounted. */
  get(request: FastifyRequest, reply: FastifyReply, skip: number): Answered {
    return this.#with(request, { reply, skip }, (call) => this.#get(call))
  }

  post(request: FastifyRequest, reply: FastifyReply, skip: number): Answered {
    return this.#with(request, { reply, skip }, (call) => this.#post(call))
  }

  put(request: FastifyRequest, reply: FastifyReply, skip: number): Answered {
    return this.#with(request, { reply, skip }, (call) => this.#put(call))
  }

  delete(request: FastifyRequest, reply: FastifyReply, skip: number): Answered {
    return this.#with(request, { reply, skip }, (call) => this.#delete(call))
  }

  /** A failure anywhere on the way. */
  fail(error: unknown, reply: FastifyReply): FastifyReply {
    const failure = failureOf(error)
    if (failure.isOurs) this.#log(error)
    return answerFailure(reply, failure)
  }

  #with(
    request: FastifyRequest,
    { reply, skip }: { readonly reply: FastifyReply; readonly skip: number },
    handle: (call: Call) => Answered,
  ): Answered {
    const path = parseRequestPath(request.raw.url ?? '', skip)
    if (path === undefined) return answer(reply, { statusCode: 400, text: 'the path has a wrong escape' })
    const namespace = this.#namespaceOf(request)
    if (namespace === undefined) return answer(reply, { statusCode: 400, text: 'x-namespace is not a name' })
    if (!this.#view.isReadable) return answerEmpty(reply, 503)
    const answered = handle({ request, reply, namespace, ...versioned(path) })
    return answered instanceof Promise
      ? answered.catch((error: unknown) => this.fail(error, reply))
      : answered
  }

  #namespaceOf({ headers }: FastifyRequest): string | undefined {
    const given = headers['x-namespace']
    if (given === undefined || given === '') return this.#options.namespace
    return typeof given === 'string' && isNamespaceName(given) ? given : undefined
  }

  #get(call: Call): Answered {
    const { segments, reply } = call
    const [resource, first, second] = segments
    switch (`${resource ?? ''}/${segments.length}`) {
      case 'apps/1':
        return this.#list(call, this.#eurekaLists.apps(this.#listRequest(call)))
      case 'apps/2':
        return first === 'delta' ? this.#delta(call) : this.#app(call, first ?? '')
      case 'apps/3':
        return this.#instance(call, this.#applications(call)?.find(first ?? '', second ?? ''))
      case 'instances/2':
        return this.#instance(call, this.#applications(call)?.findById(first ?? ''))
      case 'vips/2':
        return this.#list(call, this.#eurekaLists.vips(this.#listRequest(call), 'vips', first ?? ''))
      case 'svips/2':
        return this.#list(call, this.#eurekaLists.vips(this.#listRequest(call), 'secureVips', first ?? ''))
      case 'status/1':
        return this.#status(call)
      case 'serverinfo/2':
        if (first !== 'statusoverrides') return answerEmpty(reply, 404)
        return answer(reply, {
          text: statusOverrides(this.#applications(call)),
          contentType: 'application/json',
        })
      default:
        return answerEmpty(reply, 404)
    }
  }

  #post(call: Call): Answered {
    const [resource, name] = call.segments
    const { length } = call.segments
    if (length === 2 && resource === 'apps' && name !== undefined) return this.#register(call, name)
    if (length === 2 && resource === 'peerreplication' && name === 'batch') return this.#batch(call)
    return answerEmpty(call.reply, 404)
  }

  #put(call: Call): Answered {
    const { segments, reply } = call
    const [resource, app, id, what] = segments
    if (resource === 'apps' && app !== undefined && id !== undefined) {
      if (segments.length === 3) return this.#heartbeat(call, app, id)
      if (segments.length === 4 && what === 'status') return this.#setStatus(call, app, id)
      if (segments.length === 4 && what === 'metadata') return this.#setMetadata(call, app, id)
    }
    if (resource === 'asg' && segments.length === 3 && id === 'status') {
      return answer(reply, { statusCode: 400, text: 'there are no auto scaling groups here' })
    }
    return answerEmpty(reply, 404)
  }

  #delete(call: Call): Answered {
    const { segments, reply } = call
    const [resource, app, id, what] = segments
    if (resource === 'apps' && app !== undefined && id !== undefined) {
      if (segments.length === 3) return this.#cancel(call, app, id)
      if (segments.length === 4 && what === 'status') return this.#deleteStatus(call, app, id)
    }
    return answerEmpty(reply, 404)
  }

  #heartbeat(call: Call, app: string, id: string): FastifyReply {
    const { namespace, query, reply, request } = call
    const key = { namespace, service: app.toLowerCase(), id }
    // What most clients send, and all that some do.
    const isReplicated = request.headers['x-netflix-discovery-replication'] === 'true'
    const claims =
      query === '' ? undefined : { lastDirtyTimestamp: dirtyTimestampOf(parseQuery(query)), isReplicated }
    const renewal = this.#heartbeats.renew(key, claims)
    switch (renewal) {
      case 'ok':
        return answerEmpty(reply, 200)
      case 'unknown':
        return answerEmpty(reply, 404)
      case 'unavailable':
        return answerFailure(reply, unvouchedHeartbeat(request.headers.accept))
      case 'older': {
        const shown = this.#applications(call)?.find(app, id)
        if (shown === undefined) return answerEmpty(reply, 404)
        const { format, form } = renditionOf(call)
        const text = format.instance(format.writeInstance(toInstanceInfo(shown.instance, shown), form))
        return answer(reply, { statusCode: 409, text, contentType: format.contentType })
      }
    }
  }

  async #register(call: Call, app: string): Promise<FastifyReply> {
    const info = await readInstanceBody(bodyOf(call.request), this.#options.bodyMaxBytes)
    requireRegistrable(info, app)
    await this.#registrations.register(call.namespace, info)
    return answerEmpty(call.reply, 204)
  }

  async #cancel({ namespace, reply }: Call, app: string, id: string): Promise<FastifyReply> {
    await this.#registrations.cancel(this.#heartbeats.locate(namespace, app, id))
    return answerEmpty(reply, 200)
  }

  async #setStatus({ namespace, query, reply }: Call, app: string, id: string): Promise<FastifyReply> {
    const parameters = parseQuery(query)
    const status = statusOf(parameters)
    if (status === undefined) return answer(reply, { statusCode: 400, text: 'value is missing' })
    const key = this.#heartbeats.locate(namespace, app, id)
    const lastDirtyTimestamp = dirtyTimestampOf(parameters)
    await this.#registrations.setStatus(key, { status, lastDirtyTimestamp })
    return answerEmpty(reply, 200)
  }

  async #deleteStatus({ namespace, query, reply }: Call, app: string, id: string): Promise<FastifyReply> {
    const parameters = parseQuery(query)
    const change = { status: statusOf(parameters), lastDirtyTimestamp: dirtyTimestampOf(parameters) }
    await this.#registrations.deleteOverride(this.#heartbeats.locate(namespace, app, id), change)
    return answerEmpty(reply, 200)
  }

  async #setMetadata({ namespace, query, reply }: Call, app: string, id: string): Promise<FastifyReply> {
    const entries = Object.fromEntries(parseQuery(query))
    await this.#registrations.setMetadata(this.#heartbeats.locate(namespace, app, id), entries)
    return answerEmpty(reply, 200)
  }

  async #batch({ namespace, request, reply }: Call): Promise<FastifyReply> {
    const { identity, batchMaxBytes } = this.#options
    const items = readReplicationList(await readJsonBody(bodyOf(request), batchMaxBytes))
    const isOurs = identity !== undefined && isFrom(request, identity)
    const answers = isOurs ? [] : await this.#replication.run(namespace, items)
    return answer(reply, { text: writeReplicationResponse(answers), contentType: 'application/json' })
  }

  #delta(call: Call): Answered {
    const applications = this.#applications(call)
    const nowMs = this.#options.environment.clock.nowMs()
    if (applications?.delta.isComplete(nowMs) === false) return answerEmpty(call.reply, 403)
    applications?.delta.trim(nowMs)
    return this.#list(call, this.#eurekaLists.delta(this.#listRequest(call)))
  }

  #app(call: Call, name: string): Answered {
    const list = this.#eurekaLists.app(this.#listRequest(call), name)
    return list === undefined ? answerEmpty(call.reply, 404) : this.#list(call, list)
  }

  #instance(call: Call, shown: Parameters<EurekaLists['instance']>[0] | undefined): FastifyReply {
    if (shown === undefined) return answerEmpty(call.reply, 404)
    const rendition = renditionOf(call)
    const { contentType } = rendition.format
    return answer(call.reply, { text: this.#eurekaLists.instance(shown, rendition), contentType })
  }

  #list({ request, reply }: Call, list: Parameters<Lists['get']>[0]): Answered {
    const body = this.#lists.get(list, acceptsGzip(request.headers['accept-encoding']))
    const isProtected = this.#options.registry.protection()
    if (!(body instanceof Promise)) return answerList(reply, body, isProtected)
    return body.then((built) => answerList(reply, built, isProtected))
  }

  #status(call: Call): FastifyReply {
    const { namespace, request, reply } = call
    const { clock } = this.#options.environment
    const rendition = renditionOf(call)
    const text = statusPage(
      {
        namespace,
        applications: this.#applications(call),
        registry: this.#options.registry,
        host: request.hostname,
        port: request.socket.localPort ?? 0,
        uptimeMs: clock.nowMs() - this.#startedMs,
        wallMs: clock.wallMs(),
      },
      rendition,
    )
    return answer(reply, { text, contentType: rendition.format.contentType })
  }

  #applications({ namespace }: Call): ReturnType<RegistryView['namespace']> {
    return this.#view.namespace(namespace)
  }

  #listRequest(call: Call): Parameters<EurekaLists['apps']>[0] {
    const { namespace } = call
    return { namespace, applications: this.#applications(call), rendition: renditionOf(call) }
  }

  #log(error: unknown): void {
    this.#options.environment.logger.error('a request of a Eureka client failed', { error })
  }
}
