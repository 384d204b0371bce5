import * as z from 'zod'

const name = z.string().min(1).max(255)

/**
 * A line of CloudWatch's embedded metric format, to the letter of its specification:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
const Line = z.looseObject({
  _aws: z.strictObject({
    Timestamp: z.int().positive(),
    CloudWatchMetrics: z
      .array(
        z.strictObject({
          Namespace: z.string().min(1).max(1024),
          Dimensions: z.array(z.array(z.string().min(1).max(250)).max(30)).min(1),
          Metrics: z
            .array(
              z.strictObject({
                Name: name,
                Unit: z.enum(['Count', 'Seconds', 'Milliseconds']),
                StorageResolution: z.union([z.literal(1), z.literal(60)]).optional(),
              }),
            )
            .min(1)
            .max(100),
        }),
      )
      .length(1),
  }),
})

/** The metrics among the lines of a log, each held against the specification: what it names must be there. */
export function readMetrics(lines: readonly string[]) {
  const written = lines.map((line) => JSON.parse(line)).filter((line) => '_aws' in line)
  return written.map((line) => {
    const { _aws, ...members } = Line.parse(line)
    const [directive] = _aws.CloudWatchMetrics
    if (directive === undefined || directive.Namespace !== 'VisionPipeline') throw new Error('another namespace')
    const dimensions = pick(members, new Set(directive.Dimensions.flat()), z.string().min(1).max(1024))
    const values = pick(members, new Set(directive.Metrics.map(({ Name }) => Name)), z.number())
    return { dimensions, values }
  })
}

function pick<Value>(members: Record<string, unknown>, names: ReadonlySet<string>, value: z.ZodType<Value>) {
  return Object.fromEntries([...names].map((one) => [one, value.parse(members[one])]))
}
