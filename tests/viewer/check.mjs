// Reads light curves, one JSON a line, through models written from what Zooniverse's viewer is known to accept,
// and prints the numbers of the lines that it would not show as a plot of series.
import { createInterface } from 'node:readline'
import { types } from 'mobx-state-tree'

const finite = types.refinement('finite', types.number, Number.isFinite)
const positive = types.refinement('positive', types.number, (value) => value > 0)
const box = types.model('box', { bottom: finite, left: finite, right: finite, top: finite })
const text = types.refinement('text', types.string, (value) => value.length > 0)

const geoJson = types.model('GeoJSON', { type: types.literal('FeatureCollection'), features: types.array(types.frozen()) })

const bar = types.model('bar', { label: types.string, value: finite, color: types.maybe(types.string) })
const barChart = types.model('bar chart', {
  data: types.refinement('bars', types.array(bar), (bars) => bars.length > 0),
  options: types.model({ xAxisLabel: types.string, yAxisLabel: types.string }),
})

const point = types.model('point', { x: finite, y: finite, x_error: types.maybe(finite), y_error: types.maybe(finite) })
const glyphs = ['circle', 'cross', 'diamond', 'square', 'star', 'triangle', 'wye']
const series = types.model('series', {
  seriesData: types.array(point),
  seriesOptions: types.model({
    color: types.maybe(types.string),
    glyph: types.maybe(types.enumeration(glyphs)),
    label: text,
    period: types.maybe(finite),
    pointSize: types.maybe(types.union(positive, types.enumeration(['small', 'medium', 'large']))),
  }),
})
const zoom = types.model('zoom', {
  direction: types.enumeration(['both', 'x', 'y']),
  minZoom: finite,
  maxZoom: finite,
  zoomInValue: finite,
  zoomOutValue: finite,
})
const unique = (list) => new Set(list.map((one) => one.seriesOptions.label)).size === list.length
const seriesPlot = types.model('series plot', {
  data: types.refinement('data', types.array(series), (list) => list.length > 0 && unique(list)),
  chartOptions: types.maybe(
    types.model('options', {
      color: types.maybe(types.string),
      invertAxes: types.maybe(types.model({ x: types.boolean, y: types.boolean })),
      margin: types.maybe(box),
      padding: types.maybe(box),
      xAxisLabel: types.string,
      xAxisLabelOffset: types.maybe(finite),
      yAxisLabel: types.string,
      yAxisLabelOffset: types.maybe(finite),
      zoomConfiguration: types.maybe(zoom),
    }),
  ),
})
const variableStar = types.model('variable star', {
  data: types.model({ scatterPlot: types.frozen(), barCharts: types.frozen() }),
})
const tess = types.model('TESS', { x: types.array(finite), y: types.array(finite) })
const subject = types.union({ eager: true }, geoJson, barChart, seriesPlot, variableStar, tess)

let number = 0
let read = 0
for await (const line of createInterface({ input: process.stdin })) {
  number += 1
  if (line === '') continue
  read += 1
  try {
    const content = JSON.parse(line)
    const made = subject.create(content)
    const points = made.data.reduce((sum, one) => sum + one.seriesData.length, 0)
    const given = content.data.reduce((sum, one) => sum + one.seriesData.length, 0)
    if (!('chartOptions' in made) || points !== given) throw new Error('taken for another plot')
  } catch (error) {
    console.log(`${number}: ${String(error.message).slice(0, 300)}`)
  }
}
console.log(`read ${read}`)
