//! Names of RPC interfaces that are served on named pipes, and of their operations: [MS-SRVS], [MS-WKST], [MS-SCMR], [MS-SAMR],
//! [MS-LSAD], [MS-LSAT], [MS-RPRN], [MS-RRP], [MS-TSCH], [MS-NRPC], [MS-EVEN], [MS-EFSR], [MS-DFSNM], [MS-RSP], [MS-FSRVP].

/// An interface with the operations that have a name.
pub(super) struct KnownInterface {
    pub(super) uuid: u128,
    pub(super) name: &'static str,
    pub(super) operations: &'static [(u16, &'static str)],
}

const fn known(uuid: u128, name: &'static str, operations: &'static [(u16, &'static str)]) -> KnownInterface {
    KnownInterface { uuid, name, operations }
}

pub(super) const INTERFACES: &[KnownInterface] = &[
    known(0x4b324fc8_1670_01d3_1278_5a47bf6ee188, "srvsvc", SRVSVC),
    known(0x6bffd098_a112_3610_9833_46c3f87e345a, "wkssvc", WKSSVC),
    known(0x367abb81_9844_35f1_ad32_98f038001003, "svcctl", SVCCTL),
    known(0x12345778_1234_abcd_ef00_0123456789ac, "samr", SAMR),
    known(0x12345778_1234_abcd_ef00_0123456789ab, "lsarpc", LSARPC),
    known(0x12345678_1234_abcd_ef00_0123456789ab, "spoolss", SPOOLSS),
    known(0x338cd001_2244_31f1_aaaa_900038001003, "winreg", WINREG),
    known(0x1ff70682_0a51_30e8_076d_740be8cee98b, "atsvc", ATSVC),
    known(0x86d35949_83c9_4044_b424_db363231fd0c, "ITaskSchedulerService", TASK_SCHEDULER),
    known(0x12345678_1234_abcd_ef00_01234567cffb, "netlogon", NETLOGON),
    known(0x82273fdc_e32a_18c3_3f78_827929dc23ea, "eventlog", EVENTLOG),
    known(0xc681d488_d850_11d0_8c52_00c04fd90f7e, "efsrpc", EFSRPC),
    known(0xdf1941c5_fe89_4e79_bf10_463657acf44d, "efsrpc", EFSRPC),
    known(0x4fc742e0_4a10_11cf_8273_00aa004ae673, "netdfs", NETDFS),
    known(0x894de0c0_0d55_11d3_a322_00c04fa321a1, "initshutdown", INITSHUTDOWN),
    known(0xa8e0653c_2744_4389_a61d_7373df8b2292, "FileServerVssAgent", FSRVP),
    known(0xe1af8308_5d1f_11c9_91a4_08002b14a0fa, "epmapper", &[(2, "ept_lookup"), (3, "ept_map")]),
];

#[rustfmt::skip]
const SRVSVC: &[(u16, &str)] = &[
    (8, "NetrConnectionEnum"), (9, "NetrFileEnum"), (10, "NetrFileGetInfo"), (11, "NetrFileClose"),
    (12, "NetrSessionEnum"), (13, "NetrSessionDel"), (14, "NetrShareAdd"), (15, "NetrShareEnum"),
    (16, "NetrShareGetInfo"), (17, "NetrShareSetInfo"), (18, "NetrShareDel"), (19, "NetrShareDelSticky"),
    (20, "NetrShareCheck"), (21, "NetrServerGetInfo"), (22, "NetrServerSetInfo"), (23, "NetrServerDiskEnum"),
    (24, "NetrServerStatisticsGet"), (25, "NetrServerTransportAdd"), (26, "NetrServerTransportEnum"),
    (27, "NetrServerTransportDel"), (28, "NetrRemoteTOD"), (30, "NetprPathType"), (31, "NetprPathCanonicalize"),
    (32, "NetprPathCompare"), (33, "NetprNameValidate"), (34, "NetprNameCanonicalize"), (35, "NetprNameCompare"),
    (36, "NetrShareEnumSticky"), (37, "NetrShareDelStart"), (38, "NetrShareDelCommit"), (39, "NetrpGetFileSecurity"),
    (40, "NetrpSetFileSecurity"), (41, "NetrServerTransportAddEx"), (43, "NetrDfsGetVersion"),
    (44, "NetrDfsCreateLocalPartition"), (45, "NetrDfsDeleteLocalPartition"), (46, "NetrDfsSetLocalVolumeState"),
    (48, "NetrDfsCreateExitPoint"), (49, "NetrDfsDeleteExitPoint"), (50, "NetrDfsModifyPrefix"),
    (51, "NetrDfsFixLocalVolume"), (52, "NetrDfsManagerReportSiteInfo"), (53, "NetrServerTransportDelEx"),
    (54, "NetrServerAliasAdd"), (55, "NetrServerAliasEnum"), (56, "NetrServerAliasDel"), (57, "NetrShareDelEx"),
];

#[rustfmt::skip]
const WKSSVC: &[(u16, &str)] = &[
    (0, "NetrWkstaGetInfo"), (1, "NetrWkstaSetInfo"), (2, "NetrWkstaUserEnum"), (5, "NetrWkstaTransportEnum"),
    (6, "NetrWkstaTransportAdd"), (7, "NetrWkstaTransportDel"), (8, "NetrUseAdd"), (9, "NetrUseGetInfo"),
    (10, "NetrUseDel"), (11, "NetrUseEnum"), (13, "NetrWorkstationStatisticsGet"), (20, "NetrGetJoinInformation"),
    (22, "NetrJoinDomain2"), (23, "NetrUnjoinDomain2"), (24, "NetrRenameMachineInDomain2"), (25, "NetrValidateName2"),
    (26, "NetrGetJoinableOUs2"), (27, "NetrAddAlternateComputerName"), (28, "NetrRemoveAlternateComputerName"),
    (29, "NetrSetPrimaryComputerName"), (30, "NetrEnumerateComputerNames"),
];

#[rustfmt::skip]
const SVCCTL: &[(u16, &str)] = &[
    (0, "RCloseServiceHandle"), (1, "RControlService"), (2, "RDeleteService"), (3, "RLockServiceDatabase"),
    (4, "RQueryServiceObjectSecurity"), (5, "RSetServiceObjectSecurity"), (6, "RQueryServiceStatus"),
    (7, "RSetServiceStatus"), (8, "RUnlockServiceDatabase"), (9, "RNotifyBootConfigStatus"),
    (11, "RChangeServiceConfigW"), (12, "RCreateServiceW"), (13, "REnumDependentServicesW"),
    (14, "REnumServicesStatusW"), (15, "ROpenSCManagerW"), (16, "ROpenServiceW"), (17, "RQueryServiceConfigW"),
    (18, "RQueryServiceLockStatusW"), (19, "RStartServiceW"), (20, "RGetServiceDisplayNameW"),
    (21, "RGetServiceKeyNameW"), (23, "RChangeServiceConfigA"), (24, "RCreateServiceA"),
    (25, "REnumDependentServicesA"), (26, "REnumServicesStatusA"), (27, "ROpenSCManagerA"), (28, "ROpenServiceA"),
    (29, "RQueryServiceConfigA"), (30, "RQueryServiceLockStatusA"), (31, "RStartServiceA"),
    (32, "RGetServiceDisplayNameA"), (33, "RGetServiceKeyNameA"), (35, "REnumServiceGroupW"),
    (36, "RChangeServiceConfig2A"), (37, "RChangeServiceConfig2W"), (38, "RQueryServiceConfig2A"),
    (39, "RQueryServiceConfig2W"), (40, "RQueryServiceStatusEx"), (41, "REnumServicesStatusExA"),
    (42, "REnumServicesStatusExW"), (44, "RCreateServiceWOW64A"), (45, "RCreateServiceWOW64W"),
    (47, "RNotifyServiceStatusChange"), (48, "RGetNotifyResults"), (49, "RCloseNotifyHandle"),
    (50, "RControlServiceExA"), (51, "RControlServiceExW"), (56, "RQueryServiceConfigEx"), (60, "RCreateWowService"),
    (64, "ROpenSCManager2"),
];

#[rustfmt::skip]
const SAMR: &[(u16, &str)] = &[
    (0, "SamrConnect"), (1, "SamrCloseHandle"), (2, "SamrSetSecurityObject"), (3, "SamrQuerySecurityObject"),
    (5, "SamrLookupDomainInSamServer"), (6, "SamrEnumerateDomainsInSamServer"), (7, "SamrOpenDomain"),
    (8, "SamrQueryInformationDomain"), (9, "SamrSetInformationDomain"), (10, "SamrCreateGroupInDomain"),
    (11, "SamrEnumerateGroupsInDomain"), (12, "SamrCreateUserInDomain"), (13, "SamrEnumerateUsersInDomain"),
    (14, "SamrCreateAliasInDomain"), (15, "SamrEnumerateAliasesInDomain"), (16, "SamrGetAliasMembership"),
    (17, "SamrLookupNamesInDomain"), (18, "SamrLookupIdsInDomain"), (19, "SamrOpenGroup"),
    (20, "SamrQueryInformationGroup"), (21, "SamrSetInformationGroup"), (22, "SamrAddMemberToGroup"),
    (23, "SamrDeleteGroup"), (24, "SamrRemoveMemberFromGroup"), (25, "SamrGetMembersInGroup"),
    (26, "SamrSetMemberAttributesOfGroup"), (27, "SamrOpenAlias"), (28, "SamrQueryInformationAlias"),
    (29, "SamrSetInformationAlias"), (30, "SamrDeleteAlias"), (31, "SamrAddMemberToAlias"),
    (32, "SamrRemoveMemberFromAlias"), (33, "SamrGetMembersInAlias"), (34, "SamrOpenUser"), (35, "SamrDeleteUser"),
    (36, "SamrQueryInformationUser"), (37, "SamrSetInformationUser"), (38, "SamrChangePasswordUser"),
    (39, "SamrGetGroupsForUser"), (40, "SamrQueryDisplayInformation"), (41, "SamrGetDisplayEnumerationIndex"),
    (44, "SamrGetUserDomainPasswordInformation"), (45, "SamrRemoveMemberFromForeignDomain"),
    (46, "SamrQueryInformationDomain2"), (47, "SamrQueryInformationUser2"), (48, "SamrQueryDisplayInformation2"),
    (49, "SamrGetDisplayEnumerationIndex2"), (50, "SamrCreateUser2InDomain"), (51, "SamrQueryDisplayInformation3"),
    (52, "SamrAddMultipleMembersToAlias"), (53, "SamrRemoveMultipleMembersFromAlias"),
    (54, "SamrOemChangePasswordUser2"), (55, "SamrUnicodeChangePasswordUser2"),
    (56, "SamrGetDomainPasswordInformation"), (57, "SamrConnect2"), (58, "SamrSetInformationUser2"),
    (62, "SamrConnect4"), (64, "SamrConnect5"), (65, "SamrRidToSid"), (66, "SamrSetDSRMPassword"),
    (67, "SamrValidatePassword"), (73, "SamrUnicodeChangePasswordUser4"),
];

#[rustfmt::skip]
const LSARPC: &[(u16, &str)] = &[
    (0, "LsarClose"), (2, "LsarEnumeratePrivileges"), (3, "LsarQuerySecurityObject"), (4, "LsarSetSecurityObject"),
    (6, "LsarOpenPolicy"), (7, "LsarQueryInformationPolicy"), (8, "LsarSetInformationPolicy"),
    (10, "LsarCreateAccount"), (11, "LsarEnumerateAccounts"), (12, "LsarCreateTrustedDomain"),
    (13, "LsarEnumerateTrustedDomains"), (14, "LsarLookupNames"), (15, "LsarLookupSids"), (16, "LsarCreateSecret"),
    (17, "LsarOpenAccount"), (18, "LsarEnumeratePrivilegesAccount"), (19, "LsarAddPrivilegesToAccount"),
    (20, "LsarRemovePrivilegesFromAccount"), (23, "LsarGetSystemAccessAccount"), (24, "LsarSetSystemAccessAccount"),
    (25, "LsarOpenTrustedDomain"), (26, "LsarQueryInfoTrustedDomain"), (27, "LsarSetInformationTrustedDomain"),
    (28, "LsarOpenSecret"), (29, "LsarSetSecret"), (30, "LsarQuerySecret"), (31, "LsarLookupPrivilegeValue"),
    (32, "LsarLookupPrivilegeName"), (33, "LsarLookupPrivilegeDisplayName"), (34, "LsarDeleteObject"),
    (35, "LsarEnumerateAccountsWithUserRight"), (36, "LsarEnumerateAccountRights"), (37, "LsarAddAccountRights"),
    (38, "LsarRemoveAccountRights"), (39, "LsarQueryTrustedDomainInfo"), (40, "LsarSetTrustedDomainInfo"),
    (41, "LsarDeleteTrustedDomain"), (42, "LsarStorePrivateData"), (43, "LsarRetrievePrivateData"),
    (44, "LsarOpenPolicy2"), (45, "LsarGetUserName"), (46, "LsarQueryInformationPolicy2"),
    (47, "LsarSetInformationPolicy2"), (48, "LsarQueryTrustedDomainInfoByName"),
    (49, "LsarSetTrustedDomainInfoByName"), (50, "LsarEnumerateTrustedDomainsEx"), (51, "LsarCreateTrustedDomainEx"),
    (53, "LsarQueryDomainInformationPolicy"), (54, "LsarSetDomainInformationPolicy"),
    (55, "LsarOpenTrustedDomainByName"), (57, "LsarLookupSids2"), (58, "LsarLookupNames2"),
    (59, "LsarCreateTrustedDomainEx2"), (68, "LsarLookupNames3"), (73, "LsarQueryForestTrustInformation"),
    (74, "LsarSetForestTrustInformation"), (76, "LsarLookupSids3"), (77, "LsarLookupNames4"),
];

#[rustfmt::skip]
const SPOOLSS: &[(u16, &str)] = &[
    (0, "RpcEnumPrinters"), (1, "RpcOpenPrinter"), (2, "RpcSetJob"), (3, "RpcGetJob"), (4, "RpcEnumJobs"),
    (5, "RpcAddPrinter"), (6, "RpcDeletePrinter"), (7, "RpcSetPrinter"), (8, "RpcGetPrinter"),
    (9, "RpcAddPrinterDriver"), (10, "RpcEnumPrinterDrivers"), (11, "RpcGetPrinterDriver"),
    (12, "RpcGetPrinterDriverDirectory"), (13, "RpcDeletePrinterDriver"), (14, "RpcAddPrintProcessor"),
    (15, "RpcEnumPrintProcessors"), (16, "RpcGetPrintProcessorDirectory"), (17, "RpcStartDocPrinter"),
    (18, "RpcStartPagePrinter"), (19, "RpcWritePrinter"), (20, "RpcEndPagePrinter"), (21, "RpcAbortPrinter"),
    (22, "RpcReadPrinter"), (23, "RpcEndDocPrinter"), (24, "RpcAddJob"), (25, "RpcScheduleJob"),
    (26, "RpcGetPrinterData"), (27, "RpcSetPrinterData"), (28, "RpcWaitForPrinterChange"), (29, "RpcClosePrinter"),
    (30, "RpcAddForm"), (31, "RpcDeleteForm"), (32, "RpcGetForm"), (33, "RpcSetForm"), (34, "RpcEnumForms"),
    (35, "RpcEnumPorts"), (36, "RpcEnumMonitors"), (39, "RpcDeletePort"), (40, "RpcCreatePrinterIC"),
    (41, "RpcPlayGdiScriptOnPrinterIC"), (42, "RpcDeletePrinterIC"), (56, "RpcFindClosePrinterChangeNotification"),
    (58, "RpcReplyOpenPrinter"), (59, "RpcRouterReplyPrinter"), (60, "RpcReplyClosePrinter"),
    (62, "RpcRemoteFindFirstPrinterChangeNotification"), (65, "RpcRemoteFindFirstPrinterChangeNotificationEx"),
    (66, "RpcRouterReplyPrinterEx"), (67, "RpcRouterRefreshPrinterChangeNotification"), (69, "RpcOpenPrinterEx"),
    (70, "RpcAddPrinterEx"), (71, "RpcSetPort"), (72, "RpcEnumPrinterData"), (73, "RpcDeletePrinterData"),
    (77, "RpcSetPrinterDataEx"), (78, "RpcGetPrinterDataEx"), (79, "RpcEnumPrinterDataEx"), (80, "RpcEnumPrinterKey"),
    (81, "RpcDeletePrinterDataEx"), (82, "RpcDeletePrinterKey"), (84, "RpcDeletePrinterDriverEx"),
    (85, "RpcAddPerMachineConnection"), (86, "RpcDeletePerMachineConnection"), (87, "RpcEnumPerMachineConnections"),
    (88, "RpcXcvData"), (89, "RpcAddPrinterDriverEx"), (102, "RpcGetCorePrinterDrivers"),
    (104, "RpcGetPrinterDriverPackagePath"),
];

#[rustfmt::skip]
const WINREG: &[(u16, &str)] = &[
    (0, "OpenClassesRoot"), (1, "OpenCurrentUser"), (2, "OpenLocalMachine"), (3, "OpenPerformanceData"),
    (4, "OpenUsers"), (5, "BaseRegCloseKey"), (6, "BaseRegCreateKey"), (7, "BaseRegDeleteKey"),
    (8, "BaseRegDeleteValue"), (9, "BaseRegEnumKey"), (10, "BaseRegEnumValue"), (11, "BaseRegFlushKey"),
    (12, "BaseRegGetKeySecurity"), (13, "BaseRegLoadKey"), (15, "BaseRegOpenKey"), (16, "BaseRegQueryInfoKey"),
    (17, "BaseRegQueryValue"), (18, "BaseRegReplaceKey"), (19, "BaseRegRestoreKey"), (20, "BaseRegSaveKey"),
    (21, "BaseRegSetKeySecurity"), (22, "BaseRegSetValue"), (23, "BaseRegUnLoadKey"), (26, "BaseRegGetVersion"),
    (27, "OpenCurrentConfig"), (29, "BaseRegQueryMultipleValues"), (31, "BaseRegSaveKeyEx"),
    (32, "OpenPerformanceText"), (33, "OpenPerformanceNlsText"), (34, "BaseRegQueryMultipleValues2"),
    (35, "BaseRegDeleteKeyEx"),
];

#[rustfmt::skip]
const ATSVC: &[(u16, &str)] = &[
    (0, "NetrJobAdd"), (1, "NetrJobDel"), (2, "NetrJobEnum"), (3, "NetrJobGetInfo"),
];

#[rustfmt::skip]
const TASK_SCHEDULER: &[(u16, &str)] = &[
    (0, "SchRpcHighestVersion"), (1, "SchRpcRegisterTask"), (2, "SchRpcRetrieveTask"), (3, "SchRpcCreateFolder"),
    (4, "SchRpcSetSecurity"), (5, "SchRpcGetSecurity"), (6, "SchRpcEnumFolders"), (7, "SchRpcEnumTasks"),
    (8, "SchRpcEnumInstances"), (9, "SchRpcGetInstanceInfo"), (10, "SchRpcStopInstance"), (11, "SchRpcStop"),
    (12, "SchRpcRun"), (13, "SchRpcDelete"), (14, "SchRpcRename"), (15, "SchRpcScheduledRuntimes"),
    (16, "SchRpcGetLastRunInfo"), (17, "SchRpcGetTaskInfo"), (18, "SchRpcGetNumberOfMissedRuns"),
    (19, "SchRpcEnableTask"),
];

#[rustfmt::skip]
const NETLOGON: &[(u16, &str)] = &[
    (0, "NetrLogonUasLogon"), (1, "NetrLogonUasLogoff"), (2, "NetrLogonSamLogon"), (3, "NetrLogonSamLogoff"),
    (4, "NetrServerReqChallenge"), (5, "NetrServerAuthenticate"), (6, "NetrServerPasswordSet"),
    (7, "NetrDatabaseDeltas"), (8, "NetrDatabaseSync"), (9, "NetrAccountDeltas"), (10, "NetrAccountSync"),
    (11, "NetrGetDCName"), (12, "NetrLogonControl"), (13, "NetrGetAnyDCName"), (14, "NetrLogonControl2"),
    (15, "NetrServerAuthenticate2"), (16, "NetrDatabaseSync2"), (17, "NetrDatabaseRedo"), (18, "NetrLogonControl2Ex"),
    (19, "NetrEnumerateTrustedDomains"), (20, "DsrGetDcName"), (21, "NetrLogonGetCapabilities"),
    (22, "NetrLogonSetServiceBits"), (23, "NetrLogonGetTrustRid"), (24, "NetrLogonComputeServerDigest"),
    (25, "NetrLogonComputeClientDigest"), (26, "NetrServerAuthenticate3"), (27, "DsrGetDcNameEx"),
    (28, "DsrGetSiteName"), (29, "NetrLogonGetDomainInfo"), (30, "NetrServerPasswordSet2"),
    (31, "NetrServerPasswordGet"), (32, "NetrLogonSendToSam"), (33, "DsrAddressToSiteNamesW"),
    (34, "DsrGetDcNameEx2"), (35, "NetrLogonGetTimeServiceParentDomain"), (36, "NetrEnumerateTrustedDomainsEx"),
    (37, "DsrAddressToSiteNamesExW"), (38, "DsrGetDcSiteCoverageW"), (39, "NetrLogonSamLogonEx"),
    (40, "DsrEnumerateDomainTrusts"), (41, "DsrDeregisterDnsHostRecords"), (42, "NetrServerTrustPasswordsGet"),
    (43, "DsrGetForestTrustInformation"), (44, "NetrGetForestTrustInformation"), (45, "NetrLogonSamLogonWithFlags"),
    (46, "NetrServerGetTrustInfo"),
];

#[rustfmt::skip]
const EVENTLOG: &[(u16, &str)] = &[
    (0, "ElfrClearELFW"), (1, "ElfrBackupELFW"), (2, "ElfrCloseEL"), (3, "ElfrDeregisterEventSource"),
    (4, "ElfrNumberOfRecords"), (5, "ElfrOldestRecord"), (6, "ElfrChangeNotify"), (7, "ElfrOpenELW"),
    (8, "ElfrRegisterEventSourceW"), (9, "ElfrOpenBELW"), (10, "ElfrReadELW"), (11, "ElfrReportEventW"),
];

#[rustfmt::skip]
const EFSRPC: &[(u16, &str)] = &[
    (0, "EfsRpcOpenFileRaw"), (1, "EfsRpcReadFileRaw"), (2, "EfsRpcWriteFileRaw"), (3, "EfsRpcCloseRaw"),
    (4, "EfsRpcEncryptFileSrv"), (5, "EfsRpcDecryptFileSrv"), (6, "EfsRpcQueryUsersOnFile"),
    (7, "EfsRpcQueryRecoveryAgents"), (8, "EfsRpcRemoveUsersFromFile"), (9, "EfsRpcAddUsersToFile"),
];

#[rustfmt::skip]
const NETDFS: &[(u16, &str)] = &[
    (0, "NetrDfsManagerGetVersion"), (1, "NetrDfsAdd"), (2, "NetrDfsRemove"), (3, "NetrDfsSetInfo"),
    (4, "NetrDfsGetInfo"), (5, "NetrDfsEnum"), (6, "NetrDfsMove"), (10, "NetrDfsAddFtRoot"),
    (11, "NetrDfsRemoveFtRoot"), (12, "NetrDfsAddStdRoot"), (13, "NetrDfsRemoveStdRoot"),
    (14, "NetrDfsManagerInitialize"), (21, "NetrDfsEnumEx"),
];

#[rustfmt::skip]
const INITSHUTDOWN: &[(u16, &str)] = &[
    (0, "BaseInitiateShutdown"), (1, "BaseAbortShutdown"), (2, "BaseInitiateShutdownEx"),
];

#[rustfmt::skip]
const FSRVP: &[(u16, &str)] = &[
    (0, "GetSupportedVersion"), (1, "SetContext"), (2, "StartShadowCopySet"), (3, "AddToShadowCopySet"),
    (4, "CommitShadowCopySet"), (5, "ExposeShadowCopySet"), (6, "RecoveryCompleteShadowCopySet"),
    (7, "AbortShadowCopySet"), (8, "IsPathSupported"), (9, "IsPathShadowCopied"), (10, "GetShareMapping"),
    (11, "DeleteShareMapping"), (12, "PrepareShadowCopySet"),
];
