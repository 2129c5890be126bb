-- Who is a unit: every player, the players with an ACE, or those on duty in the server's framework.
--
-- One rule holds for all frameworks: a player is a unit when his job (ox_core: his active group) is listed by
-- its name or by its type, and the framework says that he is on duty. All asking happens in one thread, a few
-- calls at a time; everybody else reads its last answers.

Duty = {}

local TICK = 0.25 -- seconds between two looks at what is due
local CALLS_PER_TICK = 8 -- at most 32 export calls a second
local ROSTER_EVERY = 10 -- seconds between two rounds of the questions who is on duty
local ROSTER_GAP = 1 -- seconds between two rounds at least, however many events come
local PERSON_EVERY = 30 -- seconds in which each player has been asked once
local VALID = 90 -- seconds for which an answer stands while the framework restarts or fails
local ACE_VALID = 10 -- seconds until an ACE is looked up again
local COMPLAIN_EVERY = 60 -- seconds
local GRACE = 30 -- seconds in which a framework may still be starting
local SILENT = 30 -- seconds without an answer of the framework that are worth a line
local ABANDON = 60 -- seconds after which an export that has not returned is waited for no longer

-- leo and ems are what QBCore, Qbox and ESX write into a job's type; the names are for jobs without one.
local DEFAULT_JOBS = { 'leo', 'ems', 'fire', 'police', 'sheriff', 'bcso', 'sasp', 'ambulance' }

local mode, ace, wanted
local jobs, listed = {}, {} -- how frameworks are asked; and whom to take, in small letters
local named = '' -- the jobs as they stand in the settings
local now = 0.0 -- of the last look, so that nobody who reads pays for the time
local life = 0 -- of the thread that asks; an older one that comes back has nothing to say any more
local askingSince -- when it asked what was not answered yet
local framework
local roster, rosterAt = {}, 0 -- the players on duty, and when the framework named them
local rosterDue, roundAt = 0, 0 -- when the next round is due, and when the last one began
local round -- the questions of a round under way, and whom they have found so far
local answers = {} -- player -> { unit, reason, at }, where each player is asked
local turns, credit = {}, 0
local queue, queued = {}, {} -- players who are asked before their turn
local aces = {} -- player -> { unit, at }
local lostAt
local troubled = false

local function complain(text)
    troubled = true
    Log.warnEvery('duty', COMPLAIN_EVERY, text)
end

local function succeeded()
    if troubled then
        troubled = false
        Log.info(('%s says who is on duty again.'):format(framework.resource))
    end
end

local function findFramework()
    if framework then
        return
    end
    framework, round = Frameworks.find(wanted), nil
    if framework then
        lostAt, rosterDue = nil, 0
        return
    end
    lostAt = lostAt or now
    if now - lostAt >= GRACE then
        local searched = Frameworks.searched(wanted)
        complain(('No framework is started (looked for %s), so nobody is on duty.'):format(searched))
    end
end

local function openRound()
    roundAt, rosterDue = now, now + ROSTER_EVERY
    round = { questions = framework.questions(framework, jobs, listed), next = 1, found = {} }
end

local function endRound()
    roster, rosterAt, round = round.found, now, nil
    succeeded()
end

local function askRoster()
    if not round then
        if now < rosterDue then
            return
        end
        openRound()
    end
    local mine = round
    for _ = 1, CALLS_PER_TICK do
        local question = mine.questions[mine.next]
        if not question then
            endRound()
            return
        end
        mine.next = mine.next + 1
        for _, player in pairs(question()) do
            mine.found[tonumber(player) or player] = true
        end
        if round ~= mine then
            return
        end
    end
end

local function judge(job)
    if type(job) ~= 'table' then
        return false, 'has no character yet'
    end
    local name = tostring(job.name)
    if not Frameworks.isListed(listed, name, job.type) then
        local kind = job.type and (' (type %s)'):format(tostring(job.type)) or ''
        return false, ('has the job %s%s, which is not listed'):format(name, kind)
    end
    -- ESX had no duty before November 2024: whoever had the job was at work.
    if job.onDuty == false then
        return false, ('is off duty as %s'):format(name)
    end
    return true, ('is on duty as %s'):format(name)
end

local function askPerson(player)
    local unit, reason = judge(framework.job(framework, player))
    answers[player] = { unit = unit, reason = reason, at = now }
    succeeded()
end

local function askSooner(player)
    player = tonumber(player)
    if player and not queued[player] then
        queued[player] = true
        queue[#queue + 1] = player
    end
end

local function askQueued(left)
    while left > 0 and #queue > 0 do
        local player = table.remove(queue, 1)
        if queued[player] then
            queued[player] = nil
            askPerson(player)
            left = left - 1
        end
    end
    return left
end

local function newTurns()
    turns = {}
    local present = {}
    for _, id in ipairs(GetPlayers()) do
        local player = tonumber(id)
        turns[#turns + 1] = player
        present[player] = answers[player]
    end
    answers = present
end

local function askInTurn(left)
    credit = math.min(credit + GetNumPlayerIndices() * TICK / PERSON_EVERY, left)
    while credit >= 1 do
        if #turns == 0 then
            newTurns()
        end
        credit = credit - 1
        local player = table.remove(turns)
        if player then
            askPerson(player)
        end
    end
end

local function askPersons()
    askInTurn(askQueued(CALLS_PER_TICK))
end

local function ask()
    findFramework()
    if not framework then
        return
    end
    local mine = life
    local done, problem = pcall(framework.job and askPersons or askRoster)
    if not done and framework and mine == life then
        round = nil
        problem = tostring(problem):gsub('%s+', ' ')
        complain(('%s did not say who is on duty: %s'):format(framework.resource, problem))
    end
end

local function watchEvents()
    for _, event in ipairs(Frameworks.rosterEvents) do
        AddEventHandler(event, function()
            rosterDue = math.min(rosterDue, math.max(now + TICK, roundAt + ROSTER_GAP))
        end)
    end
    for _, event in ipairs(Frameworks.personEvents) do
        AddEventHandler(event, askSooner)
    end
    for _, event in ipairs(Frameworks.leavingEvents) do
        AddEventHandler(event, function(player)
            answers[tonumber(player) or 0] = { unit = false, reason = 'has no character yet', at = now }
        end)
    end
end

local function watchResources()
    -- QBCore says so when its jobs or functions have changed.
    AddEventHandler('QBCore:Server:UpdateObject', function()
        if framework then
            Frameworks.renew(framework)
        end
    end)
    AddEventHandler('onResourceStop', function(resource)
        if framework and framework.resource == resource then
            framework, round = nil, nil
        end
    end)
end

local function hasAce(player)
    local known = aces[player]
    if not known or now - known.at >= ACE_VALID then
        local done, allowed = pcall(IsPlayerAceAllowed, tostring(player), ace)
        known = { unit = done and (allowed == true or allowed == 1), at = now }
        aces[player] = known
    end
    return known.unit
end

local function isOnDuty(player)
    if roster[player] then
        return now - rosterAt < VALID
    end
    local answer = answers[player]
    if not answer and framework and framework.job then
        askSooner(player)
    end
    return answer ~= nil and answer.unit and now - answer.at < VALID
end

local function run()
    life = life + 1
    local mine = life
    while mine == life do
        now = Clock.now()
        askingSince = now
        ask()
        if mine == life then
            askingSince = nil
            Wait(math.floor(TICK * 1000))
        end
    end
end

-- What never returns cannot be ended: another thread asks from now on.
local function watchAsking()
    local silent = askingSince and now - askingSince or 0
    if silent >= SILENT and framework then
        complain(('%s does not answer who is on duty, for %d s now.'):format(framework.resource, silent // 1))
    end
    if silent >= ABANDON then
        round, askingSince = nil, nil
        CreateThread(run)
    end
end

local function addJob(job)
    for _, known in ipairs(jobs) do
        if known == job then
            return
        end
    end
    jobs[#jobs + 1] = job
    listed[job:lower()] = true
end

--- Begins to ask. Call it once, when the settings are known.
function Duty.start(settings)
    mode, ace, wanted = settings.duty, settings.dutyAce, settings.framework
    now = Clock.now()
    local wantedJobs = #settings.jobs > 0 and settings.jobs or DEFAULT_JOBS
    for _, job in ipairs(wantedJobs) do
        addJob(job)
        addJob(job:lower())
    end
    named = table.concat(wantedJobs, ', ')
    if mode == 'framework' then
        watchEvents()
        watchResources()
        CreateThread(run)
    end
end

--- Tells the time, once a second, and sees whether the framework answers.
function Duty.look(time)
    now = time
    watchAsking()
end

--- Whether this connected player is a unit, from memory.
function Duty.includes(player)
    if mode == 'framework' then
        return isOnDuty(player)
    end
    return mode == 'all' or hasAce(player)
end

--- The player has left.
function Duty.forget(player)
    roster[player], answers[player], queued[player], aces[player] = nil, nil, nil, nil
end

--- Why this player is a unit or is none, as the end of a sentence about him.
function Duty.why(player)
    if mode == 'all' then
        return 'is a unit, as every player is'
    end
    if mode == 'ace' then
        return ('%s the ACE %s'):format(hasAce(player) and 'has' or 'has not', ace)
    end
    if not framework then
        local searched = Frameworks.searched(wanted)
        return ('cannot be on duty: no framework is started (looked for %s)'):format(searched)
    end
    if framework.job then
        local answer = answers[player]
        return answer and answer.reason or ('was not asked for yet in %s'):format(framework.resource)
    end
    local verb = isOnDuty(player) and 'is' or 'is not'
    return ('%s on duty in %s as %s'):format(verb, framework.resource, named)
end

--- Who is sent, for the line at the start.
function Duty.describe()
    if mode == 'all' then
        return 'every player'
    end
    if mode == 'ace' then
        return ('players with the ACE %s'):format(ace)
    end
    local where = framework and framework.resource or ('the first of %s'):format(Frameworks.searched(wanted))
    return ('players on duty in %s as %s'):format(where, named)
end
