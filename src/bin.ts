#!/usr/bin/env node
/**
 * The `flujo` command. A first Ctrl-C or termination signal interrupts what runs, which gives its lease back and stays
 * resumable. A second one ends the process at once, and so do seven seconds: who asked it to end may not be kept waiting
 * for more than eight.
 */
import { makeRunMain } from "@effect/platform/Runtime"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import { main } from "./cli/Main.js"
import * as NodeHost from "./cli/NodeHost.js"

const exitCodes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

/** Containers are killed ten seconds or more after they were asked to end. */
const drainMillis = 7_000
const patienceMillis = 500

const runMain = makeRunMain(({ fiber, teardown }) => {
  // Without this a process that only waits for another one would end.
  const alive = setInterval(() => {}, 2 ** 31 - 1)
  let signalled: keyof typeof exitCodes | undefined
  const onSignal = (signal: keyof typeof exitCodes) => () => {
    if (signalled !== undefined) process.exit(exitCodes[signal])
    signalled = signal
    const after = (millis: number, then: () => void) => setTimeout(then, millis).unref()
    after(patienceMillis, () =>
      process.stderr.write("\nwhat runs is not to be interrupted yet; a second time ends it\n")
    )
    after(drainMillis, () => {
      process.stderr.write("\nwhat runs did not end within 7 s of being interrupted: the process ends without it\n")
      process.exit(exitCodes[signal])
    })
    fiber.unsafeInterruptAsFork(fiber.id())
  }
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, onSignal(signal))
  fiber.addObserver((exit) => {
    clearInterval(alive)
    teardown(exit, (code) => process.exit(signalled === undefined ? code : exitCodes[signalled]))
  })
})

runMain(
  Effect.provide(
    main(process.argv.slice(2), () => import("@effect/platform-node/NodeContext").then(({ layer }) => layer)),
    NodeHost.layer(() => import("./index.js"))
  ),
  {
    disableErrorReporting: true,
    disablePrettyLogger: true,
    teardown: (exit, onExit) => onExit(Exit.isSuccess(exit) && typeof exit.value === "number" ? exit.value : 130)
  }
)
