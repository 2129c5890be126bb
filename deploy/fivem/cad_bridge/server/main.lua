-- Puts everything together.

local SAMPLE_EVERY = 1000 -- ms
local LOOK_EVERY = 250 -- ms

local function watch()
    while not Service.refusal() do
        Wait(LOOK_EVERY)
        Door.watch()
        Events.pump()
    end
end

local function step()
    Duty.look(Clock.now())
    Sampler.sweep()
    Locations.step(Sampler.units(), Sampler.connected())
end

local function sample()
    while not Service.refusal() do
        local started = Clock.now()
        local done, problem = pcall(step)
        if not done then
            Log.warnEvery('main', 60, 'Positions could not be read: ' .. tostring(problem))
        end
        Wait(math.max(0, SAMPLE_EVERY - math.floor((Clock.now() - started) * 1000)))
    end
end

local function start()
    Vehicles.load()
    Door.start(Settings.url, Settings.token)
    Locations.start(Settings)
    Duty.start(Settings)
    Commands.start(Settings)
    Exposure.check(Settings.token, function()
        if not Service.refusal() then
            Log.info(('Sends %s to %s.'):format(Duty.describe(), Settings.url))
            Events.start(Panics.adopt)
            CreateThread(watch)
            CreateThread(sample)
        end
        Events.pump()
    end)
end

AddEventHandler('playerDropped', function()
    local player = tonumber(source)
    if player then
        Panics.forget(Identifiers.known(player))
        Sampler.forget(player)
        Identifiers.forget(player)
        Duty.forget(player)
        Places.forget(player)
        Pace.forget(player)
    end
end)

AddEventHandler('onResourceStop', function(resource)
    if resource == GetCurrentResourceName() then
        Events.stop()
    end
end)

local problem = Settings.read()
Locale.load(Settings.locale)
Api.start()
Console.start()
if problem then
    Service.refuse(problem, Settings.remedy())
else
    start()
end
