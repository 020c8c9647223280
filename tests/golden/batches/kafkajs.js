// The cases as kafkajs encodes them.
const path = require('path')
const root = path.dirname(require.resolve('kafkajs/package.json'))
const Record = require(path.join(root, 'src/protocol/recordBatch/record/v0'))
const { RecordBatch } = require(path.join(root, 'src/protocol/recordBatch/v0'))
const { Types, Codecs } = require(path.join(root, 'src/protocol/message/compression'))
const Long = require(path.join(root, 'src/utils/long'))

Codecs[Types.Snappy] = require('kafkajs-snappy')
Codecs[Types.LZ4] = new (require('kafkajs-lz4'))().codec
// The plugin for Zstandard no longer builds.
const CODECS = { gzip: Types.GZIP, snappy: Types.Snappy, lz4: Types.LZ4 }

const bytes = content => {
  if (content === null || content === undefined) return null
  if (typeof content === 'string') return Buffer.from(content)
  return content.hex !== undefined ? Buffer.from(content.hex, 'hex') : Buffer.from(content.of.repeat(content.times))
}

const expand = record =>
  record.repeat === undefined
    ? [record]
    : Array.from({ length: record.repeat }, (_, i) => ({
        timestamp: record.timestamp + i * record.step,
        key: record.key + i,
        value: record.value + i,
      }))

// kafkajs takes headers as an object of lists.
const headersOf = record => {
  const headers = {}
  for (const [key, value] of record.headers || []) (headers[key] = headers[key] || []).push(bytes(value))
  return headers
}

const encode = async (test, compression = Types.None) => {
  const messages = test.records.flatMap(expand)
  // As kafkajs' produce request does it.
  const timestamps = messages.map(message => message.timestamp).sort((a, b) => a - b)
  const records = messages.map((message, offsetDelta) =>
    Record({
      offsetDelta,
      timestampDelta: message.timestamp - timestamps[0],
      key: bytes(message.key),
      value: bytes(message.value),
      headers: headersOf(message),
    })
  )
  const idempotent = test.producer_id !== undefined
  const batch = await RecordBatch({
    records,
    firstTimestamp: timestamps[0],
    maxTimestamp: timestamps[timestamps.length - 1],
    lastOffsetDelta: records.length - 1,
    compression,
    transactional: !!test.transactional,
    ...(idempotent && {
      producerId: Long.fromValue(test.producer_id),
      producerEpoch: test.producer_epoch,
      firstSequence: test.base_sequence,
    }),
  })
  return batch.buffer.toString('hex')
}

const main = async () => {
  const vectors = {}
  for (const test of require('./cases.json')) {
    const hasNullHeader = test.records.some(record => (record.headers || []).some(header => header[1] === null))
    if (!hasNullHeader && test.compressed !== 'only') vectors[test.name] = await encode(test)
  }
  for (const [codec, type] of Object.entries(CODECS))
    for (const test of require('./cases.json').filter(test => test.compressed))
      vectors[`${test.name}, ${codec}`] = await encode(test, type)
  console.log(JSON.stringify(vectors, null, 1))
}
main()
