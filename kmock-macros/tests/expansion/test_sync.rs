// unfinished
# [:: core :: prelude :: v1 :: test] fn blocking () { fn blocking (k : KMock) { let unfinished = k .; } :: kmock :: __private :: run_sync (< :: kmock :: __private :: TestOptions > :: new (:: core :: concat ! (:: core :: module_path ! () , "::" , "blocking")) , blocking) }
