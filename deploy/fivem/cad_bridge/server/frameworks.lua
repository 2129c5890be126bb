-- What each framework tells about its players' duty, and how it is asked.
--
-- Qbox, QBCore and ox_core name the players on duty in a job, which costs the same few export calls however
-- many are online: `questions` gives one function per call, each of which returns a list of players. ESX has
-- no such list: `job` gives the job of one player. Events are named only to ask sooner.

Frameworks = {}

local function call(resource, name, ...)
    return exports[resource][name](nil, ...)
end

local function isMissing(problem)
    return tostring(problem):find('No such export', 1, true) ~= nil
end

-- The list among what an export answered: some give the number of players first, some last.
local function playersIn(...)
    for index = 1, select('#', ...) do
        local value = select(index, ...)
        if type(value) == 'table' then
            return value
        end
    end
    error('it answered without a list of players', 0)
end

local function question(resource, name, ...)
    local arguments = table.pack(...)
    return function()
        return playersIn(call(resource, name, table.unpack(arguments, 1, arguments.n)))
    end
end

local function questionsByNameAndType(resource, byName, byType)
    return function(_, jobs)
        local questions = {}
        for _, job in ipairs(jobs) do
            questions[#questions + 1] = question(resource, byName, job)
            questions[#questions + 1] = question(resource, byType, job)
        end
        return questions
    end
end

-- QBCore before May 2025 lists by name alone and may export no functions: its core object knows the types.
local function oldQbcoreQuestions(this, listed)
    this.core = this.core or call('qb-core', 'GetCoreObject')
    local ask = this.core.Functions.GetPlayersOnDuty
    local questions = {}
    for name, job in pairs(this.core.Shared.Jobs) do
        if Frameworks.isListed(listed, name, job.type) then
            questions[#questions + 1] = function()
                return playersIn(ask(name))
            end
        end
    end
    return questions
end

local function qbcoreQuestions(this, jobs, listed)
    if this.listsTypes == nil then
        local done, problem = pcall(call, 'qb-core', 'GetPlayersByJob', jobs[1], true)
        if not done and not isMissing(problem) then
            error(problem, 0)
        end
        this.listsTypes = done
    end
    if not this.listsTypes then
        return oldQbcoreQuestions(this, listed)
    end
    local questions = {}
    for _, job in ipairs(jobs) do
        questions[#questions + 1] = question('qb-core', 'GetPlayersByJob', job, true)
    end
    return questions
end

-- ESX before January 2025 has no export for one method of one player: its shared object has the player.
local function esxJob(this, player)
    if not this.shared then
        local done, job = pcall(call, 'es_extended', 'RunStaticPlayerMethod', player, 'getJob')
        if done then
            return job
        end
        if not isMissing(job) then
            error(job, 0)
        end
        this.shared = call('es_extended', 'getSharedObject')
    end
    local person = this.shared.GetPlayerFromId(player)
    return person and person.job
end

-- In the order in which 'auto' looks: Qbox comes before QBCore, in whose name it answers too.
local known = {
    {
        name = 'qbx',
        resource = 'qbx_core',
        questions = questionsByNameAndType('qbx_core', 'GetDutyCountJob', 'GetDutyCountType'),
    },
    { name = 'qbcore', resource = 'qb-core', questions = qbcoreQuestions },
    { name = 'esx', resource = 'es_extended', job = esxJob },
    {
        name = 'ox',
        resource = 'ox_core',
        questions = questionsByNameAndType('ox_core', 'GetGroupActivePlayers', 'GetGroupActivePlayersByType'),
    },
}

--- After these somebody's duty may have changed.
Frameworks.rosterEvents = {
    'QBCore:Server:OnJobUpdate',
    'QBCore:Server:SetDuty',
    'QBCore:Server:PlayerLoaded',
    'QBCore:Server:OnPlayerUnload',
    'qbx_core:server:playerLoggedOut',
    'ox:setActiveGroup',
    'ox:setGroup',
    'ox:playerLoaded',
    'ox:playerLogout',
}

--- After these the player whom they name first may have another duty.
Frameworks.personEvents = { 'esx:setJob', 'esx:playerLoaded' }

--- After these the player whom they name first has no character.
Frameworks.leavingEvents = { 'esx:playerLogout' }

--- Whether a job is in the list, by its name or by its type.
function Frameworks.isListed(listed, name, kind)
    return listed[tostring(name):lower()] == true or listed[tostring(kind):lower()] == true
end

--- The first wanted framework that is started, fresh, or nil.
function Frameworks.find(wanted)
    for _, candidate in ipairs(known) do
        local fits = wanted == 'auto' or wanted == candidate.name
        if fits and GetResourceState(candidate.resource) == 'started' then
            Frameworks.renew(candidate)
            return candidate
        end
    end
    return nil
end

--- Forgets what was fetched from a framework that has restarted or changed.
function Frameworks.renew(framework)
    framework.core, framework.listsTypes, framework.shared = nil, nil, nil
end

--- The resources in which a framework is looked for, for people.
function Frameworks.searched(wanted)
    local names = {}
    for _, candidate in ipairs(known) do
        if wanted == 'auto' or wanted == candidate.name then
            names[#names + 1] = candidate.resource
        end
    end
    return table.concat(names, ', ')
end
