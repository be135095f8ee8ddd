import { describe, test } from 'vitest'
import { fargo, steeltoe } from './transcripts/go-and-dotnet.ts'
import { javaClient1, javaClient2, refusedDelta } from './transcripts/java-client.ts'
import { javaOnAmazon } from './transcripts/java-on-amazon.ts'
import { javascriptClient, pythonClient } from './transcripts/javascript-and-python.ts'
import { peers } from './transcripts/peers.ts'
import { play } from './transcripts/play.ts'
import { springCloudClient } from './transcripts/spring-cloud.ts'
import type { Transcript } from './transcripts/transcript.ts'
import { injected, overSocket } from './transcripts/ways.ts'

const transcripts = [
  javaClient1,
  javaClient2,
  refusedDelta,
  javaOnAmazon,
  springCloudClient,
  javascriptClient,
  pythonClient,
  fargo,
  steeltoe,
  peers,
]

describe('the server has its part in the dialog of', () => {
  test.each(named(transcripts))('%s', async (_, transcript) => {
    await play(transcript, injected)
  })
})

describe('over a connection that stays, it has its part in the dialog of', () => {
  test.each(named([javaClient1, javaClient2, springCloudClient, peers]))('%s', async (_, transcript) => {
    await play(transcript, overSocket)
  })
})

function named(list: readonly Transcript[]): (readonly [string, Transcript])[] {
  return list.map((transcript) => [transcript.title, transcript])
}
