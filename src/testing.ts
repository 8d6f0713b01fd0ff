/** flujo for tests of users' own pipelines: recorded runs as fixtures, laws tried on made-up inputs. */
export { FixtureError, replayFixture } from "./testing/Fixture.js"
export { type Options, PropertyFailed, property, type Question, type Ran } from "./testing/Property.js"
export {
  type Ended,
  type FaultKind,
  type Options as SimulateOptions,
  type Simulated,
  type Simulation,
  SimulationFailed,
  simulate
} from "./testing/Simulate.js"
