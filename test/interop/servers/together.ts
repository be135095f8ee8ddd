import { rm } from 'node:fs/promises'

/** A server that can be started again. */
interface Restartable {
  start(): Promise<void>
  kill(): Promise<void>
}

/** Servers that were started together. */
export interface Together<Member> extends AsyncDisposable {
  readonly members: readonly Member[]
}

/** Starts all at once. They end together, with what is in their directory; at once where one of them does not start. */
export async function startTogether<Member extends Restartable>(
  root: string,
  members: readonly Member[],
): Promise<Together<Member>> {
  const dispose = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.kill()))
    await rm(root, { recursive: true, force: true })
  }
  const started = await Promise.allSettled(members.map((member) => member.start()))
  const failed = started.find(({ status }) => status === 'rejected')
  if (failed?.status === 'rejected') {
    await dispose()
    throw failed.reason
  }
  return { members, [Symbol.asyncDispose]: dispose }
}
